-- AlterTable
ALTER TABLE "webhooks" ADD COLUMN "url_set_by_id" TEXT,
ADD COLUMN "url_set_by_name" TEXT;
