-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "teams" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "teams_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "providers" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "is_root" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connections" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "source" TEXT NOT NULL DEFAULT 'api',
    "base_url" TEXT,
    "credentials" BYTEA NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'active',
    "state_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sweep_interval_seconds" INTEGER NOT NULL,
    "next_sweep_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "swept_at" TIMESTAMPTZ(3),
    "last_good_look_at" TIMESTAMPTZ(3),
    "last_error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "connections_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "accounts" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "provider_account_id" TEXT NOT NULL,
    "profile_id" TEXT,
    "platform" TEXT NOT NULL,
    "platform_user_id" TEXT,
    "username" TEXT,
    "username_key" TEXT,
    "display_name" TEXT,
    "avatar_url" TEXT,
    "profile_url" TEXT,
    "is_verified" BOOLEAN,
    "status" TEXT NOT NULL,
    "provider_status" TEXT,
    "health_status" TEXT NOT NULL,
    "health_reason" TEXT,
    "health_fault" TEXT,
    "health_since" TIMESTAMPTZ(3) NOT NULL,
    "token_valid" BOOLEAN,
    "permissions" JSONB,
    "token_expires_at" TIMESTAMPTZ(3),
    "recommendations" JSONB NOT NULL DEFAULT '[]',
    "checked_at" TIMESTAMPTZ(3) NOT NULL,
    "missing_since" TIMESTAMPTZ(3),
    "quarantined_at" TIMESTAMPTZ(3),
    "followers" BIGINT,
    "following" BIGINT,
    "posts" BIGINT,
    "views" BIGINT,
    "likes" BIGINT,
    "comments" BIGINT,
    "shares" BIGINT,
    "saves" BIGINT,
    "engagement_rate" DOUBLE PRECISION,
    "growth_rate_30d" DOUBLE PRECISION,
    "metrics_as_of" TIMESTAMPTZ(3),
    "settings" JSONB,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "remote_data" JSONB NOT NULL,
    "content_hash" TEXT,
    "connected_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "provider_updated_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "disconnected_at" TIMESTAMPTZ(3),
    "disconnect_cause" TEXT,
    "disconnect_id" TEXT,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "health_transitions" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "from_status" TEXT,
    "to_status" TEXT NOT NULL,
    "reason" TEXT,
    "fault" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "health_transitions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sweeps" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "added" INTEGER NOT NULL DEFAULT 0,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "vanished" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "quarantined" INTEGER NOT NULL DEFAULT 0,
    "quarantine" JSONB NOT NULL DEFAULT '[]',
    "error" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "sweeps_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "disconnects" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "reason_code" TEXT NOT NULL,
    "reason_note" TEXT,
    "requested_by_id" TEXT NOT NULL,
    "requested_by_name" TEXT NOT NULL,
    "scheduled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "disconnects_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "disconnect_steps" (
    "id" TEXT NOT NULL,
    "disconnect_id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "provider_account_id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "username" TEXT,
    "state" TEXT NOT NULL,
    "phase" TEXT NOT NULL,
    "outcome" TEXT,
    "effect" JSONB NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "deadline_at" TIMESTAMPTZ(3) NOT NULL,
    "leased_by" TEXT,
    "leased_until" TIMESTAMPTZ(3),
    "verified" TEXT NOT NULL DEFAULT 'pending',
    "verified_at" TIMESTAMPTZ(3),
    "last_error" JSONB,
    "former_status" TEXT NOT NULL,
    "former_connected_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "disconnect_steps_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connect_flows" (
    "state_hash" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "redirect_url" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "connect_flows_pkey" PRIMARY KEY ("state_hash")
);

-- CreateTable
CREATE TABLE "events" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "transaction_id" BIGINT NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
    "type" TEXT NOT NULL,
    "account_id" TEXT,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "api_keys_team_id_created_at_id_idx" ON "api_keys"("team_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "connections_team_id_created_at_id_idx" ON "connections"("team_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "connections_next_sweep_at_idx" ON "connections"("next_sweep_at");

-- CreateIndex
CREATE UNIQUE INDEX "connections_team_id_name_key" ON "connections"("team_id", "name");

-- CreateIndex
CREATE INDEX "accounts_team_id_provider_account_id_idx" ON "accounts"("team_id", "provider_account_id");

-- CreateIndex
CREATE INDEX "accounts_team_id_platform_platform_user_id_idx" ON "accounts"("team_id", "platform", "platform_user_id");

-- CreateIndex
CREATE INDEX "accounts_team_id_created_at_id_idx" ON "accounts"("team_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "accounts_team_id_updated_at_id_idx" ON "accounts"("team_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "accounts_team_id_connected_at_id_idx" ON "accounts"("team_id", "connected_at", "id");

-- CreateIndex
CREATE INDEX "accounts_team_id_username_key_id_idx" ON "accounts"("team_id", "username_key", "id");

-- CreateIndex
CREATE INDEX "accounts_team_id_followers_id_idx" ON "accounts"("team_id", "followers", "id");

-- CreateIndex
CREATE UNIQUE INDEX "accounts_connection_id_provider_account_id_key" ON "accounts"("connection_id", "provider_account_id");

-- CreateIndex
CREATE INDEX "health_transitions_account_id_at_idx" ON "health_transitions"("account_id", "at");

-- CreateIndex
CREATE INDEX "sweeps_connection_id_created_at_id_idx" ON "sweeps"("connection_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "disconnects_team_id_created_at_id_idx" ON "disconnects"("team_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "disconnect_steps_disconnect_id_id_idx" ON "disconnect_steps"("disconnect_id", "id");

-- CreateIndex
CREATE INDEX "disconnect_steps_account_id_idx" ON "disconnect_steps"("account_id");

-- CreateIndex
CREATE INDEX "disconnect_steps_state_next_attempt_at_idx" ON "disconnect_steps"("state", "next_attempt_at");

-- CreateIndex
CREATE INDEX "connect_flows_expires_at_idx" ON "connect_flows"("expires_at");

-- CreateIndex
CREATE INDEX "events_team_id_transaction_id_id_idx" ON "events"("team_id", "transaction_id", "id");

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "connections" ADD CONSTRAINT "connections_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connections"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sweeps" ADD CONSTRAINT "sweeps_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connections"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "disconnects" ADD CONSTRAINT "disconnects_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "teams"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "disconnect_steps" ADD CONSTRAINT "disconnect_steps_disconnect_id_fkey" FOREIGN KEY ("disconnect_id") REFERENCES "disconnects"("id") ON DELETE CASCADE ON UPDATE CASCADE;
