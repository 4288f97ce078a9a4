-- Since when a connection's looks have failed: silence counts from there, not from the last good look.
ALTER TABLE "connections" ADD COLUMN "silent_since" TIMESTAMPTZ(3);
UPDATE "connections" SET "silent_since" = ("last_error" ->> 'at')::timestamptz WHERE "last_error" IS NOT NULL;

-- When gateways were last seen to run, and since when without a break.
CREATE TABLE "gateway_runtime" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "running_since" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "gateway_runtime_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "gateway_runtime_one_row" CHECK ("id" = 1)
);
