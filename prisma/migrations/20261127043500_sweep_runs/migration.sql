-- What a sweep has seen, for as long as it runs. Unlogged: nothing of it goes to the write-ahead log, and a crash or a
-- promotion empties all three tables together, so that a run whose row is not there any more begins again.
CREATE UNLOGGED TABLE "sweep_runs" (
    "id" UUID NOT NULL,
    "sweep_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,

    CONSTRAINT "sweep_runs_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "sweep_runs_connection_id_key" ON "sweep_runs"("connection_id");

CREATE UNLOGGED TABLE "sweep_observed" (
    "run_id" UUID NOT NULL,
    "provider_account_id" TEXT NOT NULL,
    "quarantined" BOOLEAN NOT NULL DEFAULT false,
    "added" BOOLEAN NOT NULL DEFAULT false,
    "absent" BOOLEAN NOT NULL DEFAULT false,
    "rank" TEXT COLLATE "C",

    CONSTRAINT "sweep_observed_pkey" PRIMARY KEY ("run_id", "provider_account_id")
);

CREATE UNLOGGED TABLE "sweep_staged" (
    "run_id" UUID NOT NULL,
    "number" BIGINT NOT NULL,
    "provider_account_id" TEXT NOT NULL,
    "rank" TEXT COLLATE "C" NOT NULL,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "record" JSONB NOT NULL,

    CONSTRAINT "sweep_staged_pkey" PRIMARY KEY ("run_id", "number")
);
