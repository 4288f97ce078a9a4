-- AlterTable
ALTER TABLE "connections" ADD COLUMN     "next_aging_at" TIMESTAMPTZ(3) NOT NULL DEFAULT '1970-01-01 00:00:00 +00:00';

-- CreateIndex
CREATE INDEX "connections_state_next_aging_at_idx" ON "connections"("state", "next_aging_at");

-- Sweeps are kept for a month, and asked for the one that is not finished.
CREATE INDEX "sweeps_unfinished_idx" ON "sweeps"("connection_id", "state") WHERE "state" IN ('queued', 'running');
