-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "provider_group" JSONB;
