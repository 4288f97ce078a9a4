-- CreateTable
CREATE TABLE "profiles" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "username" TEXT,
    "username_key" TEXT,
    "display_name" TEXT,
    "followers" BIGINT,
    "providers" TEXT[],
    "provider_count" INTEGER NOT NULL,
    "account_count" INTEGER NOT NULL,
    "match" TEXT NOT NULL,
    "candidates" TEXT[],
    "is_contradictory" BOOLEAN NOT NULL,
    "has_conflicts" BOOLEAN NOT NULL,
    "health_status" TEXT NOT NULL,
    "health_reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "profiles_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "profile_redirects" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "merged_into" TEXT NOT NULL,
    "merged_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "profile_redirects_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "profile_constraints" (
    "team_id" TEXT NOT NULL,
    "one_provider" TEXT NOT NULL,
    "one_account_id" TEXT NOT NULL,
    "other_provider" TEXT NOT NULL,
    "other_account_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "number" BIGSERIAL NOT NULL,
    "key_id" TEXT,
    "key_name" TEXT,
    "reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "profile_constraints_pkey" PRIMARY KEY ("team_id","one_provider","one_account_id","other_provider","other_account_id")
);

-- CreateTable
CREATE TABLE "profile_history" (
    "number" BIGSERIAL NOT NULL,
    "team_id" TEXT NOT NULL,
    "profile_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "account_id" TEXT,
    "rule" TEXT NOT NULL,
    "evidence" JSONB NOT NULL,
    "choice" JSONB,
    "reverted_by" BIGINT,
    "key_id" TEXT,
    "key_name" TEXT,
    "request_id" TEXT,
    "reason" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "profile_history_pkey" PRIMARY KEY ("number")
);

-- CreateTable
CREATE TABLE "profile_touches" (
    "id" BIGSERIAL NOT NULL,
    "transaction_id" BIGINT NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
    "team_id" TEXT NOT NULL,
    "account_ids" TEXT[],
    "platforms" TEXT[],
    "user_ids" TEXT[],
    "handles" TEXT[],
    "profile_ids" TEXT[],

    CONSTRAINT "profile_touches_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "findings" (
    "id" TEXT NOT NULL,
    "team_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "profile_id" TEXT NOT NULL,
    "account_ids" TEXT[],
    "details" JSONB NOT NULL DEFAULT '{}',
    "since" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "dismissed_at" TIMESTAMPTZ(3),
    "dismissed_by_id" TEXT,
    "dismissed_by_name" TEXT,
    "dismissed_reason" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "findings_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "profiles_team_id_created_at_id_idx" ON "profiles"("team_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "profiles_team_id_updated_at_id_idx" ON "profiles"("team_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "profiles_team_id_username_key_id_idx" ON "profiles"("team_id", "username_key", "id");

-- CreateIndex
CREATE INDEX "profiles_team_id_followers_id_idx" ON "profiles"("team_id", "followers", "id");

-- CreateIndex
CREATE INDEX "profile_redirects_merged_into_idx" ON "profile_redirects"("merged_into");

-- CreateIndex
CREATE INDEX "profile_redirects_team_id_merged_at_id_idx" ON "profile_redirects"("team_id", "merged_at", "id");

-- CreateIndex
CREATE INDEX "profile_constraints_team_id_other_provider_other_account_id_idx" ON "profile_constraints"("team_id", "other_provider", "other_account_id");

-- CreateIndex
CREATE INDEX "profile_history_profile_id_number_idx" ON "profile_history"("profile_id", "number");

-- CreateIndex
CREATE INDEX "profile_touches_transaction_id_idx" ON "profile_touches"("transaction_id");

-- CreateIndex
CREATE INDEX "findings_team_id_since_id_idx" ON "findings"("team_id", "since", "id");

-- CreateIndex
CREATE INDEX "findings_profile_id_idx" ON "findings"("profile_id");

-- CreateIndex
CREATE INDEX "accounts_profile_id_idx" ON "accounts"("profile_id");

-- A dead account keeps its keys, so only living ones are looked for by handle.
CREATE INDEX "accounts_handle_key" ON "accounts"("team_id", "platform", "username_key") WHERE "status" <> 'disconnected';

-- Notes what profiles may have to be decided anew, and which to sum up again. Only the decision itself writes `profile_id` of
-- an account that is there, so such updates are passed over. In pieces, so that no row grows without bound.
CREATE FUNCTION touch_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
    SELECT team_id, array_agg(id), '{}', '{}', '{}', '{}'
    FROM (SELECT team_id, id, row_number() OVER (PARTITION BY team_id) / 500 AS piece FROM written) AS w
    GROUP BY team_id, piece;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
    SELECT team_id, '{}', array_agg(platform), array_agg(platform_user_id), array_agg(username_key),
      COALESCE(array_agg(DISTINCT profile_id) FILTER (WHERE profile_id IS NOT NULL), '{}')
    FROM (SELECT *, row_number() OVER (PARTITION BY team_id) / 500 AS piece FROM replaced) AS r
    GROUP BY team_id, piece;
  ELSE
    INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
    SELECT team_id, COALESCE(array_agg(id) FILTER (WHERE is_other), '{}'),
      COALESCE(array_agg(platform) FILTER (WHERE is_other), '{}'),
      COALESCE(array_agg(platform_user_id) FILTER (WHERE is_other), '{}'),
      COALESCE(array_agg(username_key) FILTER (WHERE is_other), '{}'),
      COALESCE(array_agg(DISTINCT profile_id) FILTER (WHERE profile_id IS NOT NULL), '{}')
    FROM (
      SELECT w.team_id, w.id, r.platform, r.platform_user_id, r.username_key, w.profile_id,
        (w.platform, w.platform_user_id, w.username_key, w.status = 'disconnected')
          IS DISTINCT FROM (r.platform, r.platform_user_id, r.username_key, r.status = 'disconnected') AS is_other,
        row_number() OVER (PARTITION BY w.team_id) / 500 AS piece
      FROM written w JOIN replaced r USING (id)
      WHERE w.updated_at IS DISTINCT FROM r.updated_at AND w.profile_id IS NOT DISTINCT FROM r.profile_id) AS changed
    GROUP BY team_id, piece;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER touch_inserted AFTER INSERT ON "accounts" REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION touch_profiles();
CREATE TRIGGER touch_deleted AFTER DELETE ON "accounts" REFERENCING OLD TABLE AS replaced
  FOR EACH STATEMENT EXECUTE FUNCTION touch_profiles();
CREATE TRIGGER touch_updated AFTER UPDATE ON "accounts" REFERENCING OLD TABLE AS replaced NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION touch_profiles();

-- Lists of profiles are versioned like those of accounts.
CREATE TRIGGER count_insert AFTER INSERT ON "profiles" REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();
CREATE TRIGGER count_update AFTER UPDATE ON "profiles" REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();
CREATE TRIGGER count_delete AFTER DELETE ON "profiles" REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();

-- Accounts from before profiles get theirs once gateways run.
INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
SELECT team_id, array_agg(id), '{}', '{}', '{}', '{}'
FROM (SELECT team_id, id, row_number() OVER (PARTITION BY team_id ORDER BY id) / 500 AS piece FROM accounts) AS a
GROUP BY team_id, piece;
