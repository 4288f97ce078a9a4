-- How many accounts were how at the end of each hour, by team and provider.
CREATE TABLE "health_hours" (
    "team_id" TEXT NOT NULL,
    "hour" TIMESTAMPTZ(3) NOT NULL,
    "provider" TEXT NOT NULL,
    "healthy" INTEGER NOT NULL,
    "warning" INTEGER NOT NULL,
    "unhealthy" INTEGER NOT NULL,
    "unknown" INTEGER NOT NULL,

    CONSTRAINT "health_hours_pkey" PRIMARY KEY ("team_id","hour","provider")
);
CREATE INDEX "health_hours_hour_idx" ON "health_hours" USING BRIN ("hour");
