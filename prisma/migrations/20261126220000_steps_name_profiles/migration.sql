-- AlterTable
ALTER TABLE "disconnect_steps" ADD COLUMN     "profile_id" TEXT;
