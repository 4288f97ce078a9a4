-- CreateTable
CREATE TABLE "secret_keys" (
    "id" TEXT NOT NULL,
    "canary" BYTEA,
    "receipt_key" BYTEA,
    "since" TIMESTAMPTZ(3),
    "replaced_at" TIMESTAMPTZ(3),

    CONSTRAINT "secret_keys_pkey" PRIMARY KEY ("id")
);
