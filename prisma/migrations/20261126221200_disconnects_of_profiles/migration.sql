-- AlterTable
ALTER TABLE "disconnects" ADD COLUMN     "profile_id" TEXT;

-- CreateIndex
CREATE INDEX "disconnects_profile_id_idx" ON "disconnects"("profile_id");
