-- CreateTable
CREATE TABLE "reported_accounts" (
    "id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "leased_by" TEXT,
    "leased_until" TIMESTAMPTZ(3),

    CONSTRAINT "reported_accounts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "reported_accounts_connection_id_due_at_idx" ON "reported_accounts"("connection_id", "due_at");

-- AddForeignKey
ALTER TABLE "reported_accounts" ADD CONSTRAINT "reported_accounts_id_fkey" FOREIGN KEY ("id") REFERENCES "accounts"("id") ON DELETE CASCADE ON UPDATE CASCADE;
