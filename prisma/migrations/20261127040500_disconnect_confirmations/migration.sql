-- Plans that agents may carry out, each once and soon.
CREATE TABLE "disconnect_confirmations" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "plan_hash" TEXT NOT NULL,
    "request" JSONB NOT NULL,
    "count" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "shown_at" TIMESTAMPTZ(3),
    "used_at" TIMESTAMPTZ(3),
    "disconnect_id" TEXT,

    CONSTRAINT "disconnect_confirmations_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "disconnect_confirmations_key_id_used_at_idx" ON "disconnect_confirmations"("key_id", "used_at");
CREATE INDEX "disconnect_confirmations_created_at_idx" ON "disconnect_confirmations"("created_at");
