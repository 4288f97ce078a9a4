-- AlterTable
ALTER TABLE "disconnects" DROP COLUMN "providers";

-- CreateIndex
CREATE INDEX "disconnects_finished_at_idx" ON "disconnects"("finished_at");

-- Tombstones, oldest first, for the day they are forgotten.
CREATE INDEX "accounts_disconnected_at_idx" ON "accounts"("disconnected_at") WHERE "status" = 'disconnected';
