-- CreateTable
CREATE TABLE "health_days" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "from_status" TEXT,
    "to_status" TEXT NOT NULL,
    "reason" TEXT,
    "fault" TEXT,
    "evidence" JSONB,
    "worst_status" TEXT NOT NULL,
    "transitions" INTEGER NOT NULL,
    "healthy_ms" INTEGER NOT NULL,
    "warning_ms" INTEGER NOT NULL,
    "unhealthy_ms" INTEGER NOT NULL,
    "unknown_ms" INTEGER NOT NULL,
    "first_at" TIMESTAMPTZ(3) NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "health_days_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "health_days_account_id_last_at_idx" ON "health_days"("account_id", "last_at");

-- CreateIndex
CREATE INDEX "health_days_last_at_idx" ON "health_days" USING BRIN ("last_at");
