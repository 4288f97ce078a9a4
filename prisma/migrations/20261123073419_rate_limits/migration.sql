-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "rate_quota" INTEGER,
ADD COLUMN     "rate_window_seconds" INTEGER;

-- CreateTable
CREATE TABLE "rate_counts" (
    "key_id" TEXT NOT NULL,
    "slice" BIGINT NOT NULL,
    "count" INTEGER NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_counts_pkey" PRIMARY KEY ("key_id","slice")
);

-- CreateIndex
CREATE INDEX "rate_counts_expires_at_idx" ON "rate_counts"("expires_at");

-- A crash of the server may forget a minute of counting; it need not be written twice.
ALTER TABLE "rate_counts" SET UNLOGGED;
