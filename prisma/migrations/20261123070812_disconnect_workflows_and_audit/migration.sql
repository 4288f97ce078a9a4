-- DropIndex
DROP INDEX "disconnect_steps_state_next_attempt_at_idx";

-- AlterTable
ALTER TABLE "disconnects" ADD COLUMN     "providers" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "request_id" TEXT;

-- AlterTable
ALTER TABLE "disconnect_steps" ADD COLUMN     "answers" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "looks_first" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "paused" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "reappeared_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "disconnect_plans" (
    "team_id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "accounts" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "disconnect_plans_pkey" PRIMARY KEY ("team_id","hash")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "key_id" TEXT,
    "key_name" TEXT,
    "request_id" TEXT,
    "action" TEXT NOT NULL,
    "target_type" TEXT NOT NULL,
    "target_id" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "reason" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "disconnect_plans_created_at_idx" ON "disconnect_plans"("created_at");

-- CreateIndex
CREATE INDEX "audit_events_team_id_id_idx" ON "audit_events"("team_id", "id");

-- CreateIndex
CREATE INDEX "audit_events_team_id_target_id_id_idx" ON "audit_events"("team_id", "target_id", "id");

-- What the workers look for, each over the few rows that are open.
CREATE INDEX "disconnect_steps_due_idx" ON "disconnect_steps"("connection_id", "next_attempt_at", "id") WHERE "state" = 'pending';
CREATE INDEX "disconnect_steps_open_idx" ON "disconnect_steps"("disconnect_id") WHERE "state" IN ('pending', 'running');
CREATE INDEX "disconnect_steps_leased_idx" ON "disconnect_steps"("leased_until") WHERE "state" = 'running';
CREATE INDEX "disconnects_open_idx" ON "disconnects"("scheduled_at") WHERE "finished_at" IS NULL;

-- The audit log only grows: whoever writes to it, replication included.
CREATE FUNCTION "refuse_audit_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_events is append-only: % is refused', TG_OP;
END $$;
CREATE TRIGGER "audit_events_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_audit_change"();
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_append_only";
