-- AlterTable
ALTER TABLE "idempotency_keys" ADD COLUMN     "provisional" BOOLEAN NOT NULL DEFAULT false;
