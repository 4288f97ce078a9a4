-- CreateTable
CREATE TABLE "probes" (
    "account_id" TEXT NOT NULL,
    "held_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "failure" JSONB,

    CONSTRAINT "probes_pkey" PRIMARY KEY ("account_id")
);

-- CreateTable
CREATE TABLE "probe_rations" (
    "connection_id" TEXT NOT NULL,
    "minute" TIMESTAMPTZ(3) NOT NULL,
    "used" INTEGER NOT NULL,

    CONSTRAINT "probe_rations_pkey" PRIMARY KEY ("connection_id")
);
