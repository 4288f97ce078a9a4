-- CreateTable
CREATE TABLE "provider_call_counts" (
    "provider" TEXT NOT NULL,
    "span" TEXT NOT NULL,
    "slice" BIGINT NOT NULL,
    "bucket" INTEGER NOT NULL,
    "succeeded" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "provider_call_counts_pkey" PRIMARY KEY ("provider","span","slice","bucket")
);
