-- AlterTable
ALTER TABLE "health_transitions" ADD COLUMN     "evidence" JSONB,
ADD COLUMN     "transaction_id" BIGINT NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint;

-- AlterTable
ALTER TABLE "events" ADD COLUMN     "provider" TEXT;

-- CreateIndex
CREATE INDEX "health_transitions_team_id_transaction_id_id_idx" ON "health_transitions"("team_id", "transaction_id", "id");

-- CreateIndex
CREATE INDEX "health_transitions_at_idx" ON "health_transitions" USING BRIN ("at");

-- CreateIndex
CREATE INDEX "events_created_at_idx" ON "events" USING BRIN ("created_at");
