-- What lists and summaries of accounts are narrowed down by, so that they read the accounts that they are about and no others. Accounts
-- without a profile or labels are most, and in neither index.
CREATE INDEX "accounts_profile_idx" ON "accounts"("team_id", "profile_id") WHERE "profile_id" IS NOT NULL;
CREATE INDEX "accounts_labels_idx" ON "accounts" USING gin ("labels" jsonb_path_ops) WHERE "labels" <> '{}';

-- Parts of names are found by their trigrams. The extension is PostgreSQL's own and a trusted one; where a server does not let us have it,
-- `q` reads all accounts of the team. Entries are gathered before they are sorted in, as every write of an account adds some.
DO $$
DECLARE
  home text;
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'no pg_trgm: %', SQLERRM;
  END;
  SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF home IS NOT NULL THEN
    EXECUTE format('CREATE INDEX "accounts_names_idx" ON "accounts" USING gin ("username" %1$I.gin_trgm_ops, "display_name" %1$I.gin_trgm_ops)
      WITH (gin_pending_list_limit = 16384)', home);
  END IF;
END $$;
