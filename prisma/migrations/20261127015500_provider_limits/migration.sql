-- What replicas share of providers' limits. The release before knows neither table and limits each of its replicas by itself.
CREATE TABLE "provider_limits" (
    "id" TEXT NOT NULL,
    "used_until" DOUBLE PRECISION NOT NULL,
    "last_granted" INTEGER NOT NULL,
    "paused_until" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "provider_limits_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "provider_limit_users" (
    "limit_id" TEXT NOT NULL,
    "replica" TEXT NOT NULL,
    "seen_until" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "provider_limit_users_pkey" PRIMARY KEY ("limit_id", "replica")
);
