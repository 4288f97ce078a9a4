-- AlterTable
ALTER TABLE "connections" ADD COLUMN     "refresh_leased_by" TEXT,
ADD COLUMN     "refresh_lost_at" TIMESTAMPTZ(3),
ADD COLUMN     "token_expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "token_refresh_at" TIMESTAMPTZ(3);
