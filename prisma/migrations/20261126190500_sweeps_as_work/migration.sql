-- AlterTable
ALTER TABLE "connections" ADD COLUMN     "resume_cursor" TEXT;

-- AlterTable
ALTER TABLE "sweeps" ADD COLUMN     "budget_exhausted" TEXT,
ADD COLUMN     "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "leased_by" TEXT,
ADD COLUMN     "leased_until" TIMESTAMPTZ(3);

-- What is due, by connection. The schema "pgboss" of the releases before is left to them: this one does not use it.
CREATE INDEX "sweeps_due_idx" ON "sweeps"("connection_id", "due_at") WHERE "state" IN ('queued', 'running');
