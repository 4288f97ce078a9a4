-- Outside of a transaction
-- A thousand rows at a time, each time in a transaction of its own.
DO $$ DECLARE last text := ''; step text; BEGIN LOOP SELECT max(id) INTO step FROM (SELECT id FROM accounts WHERE id > last ORDER BY id LIMIT 1000) AS s; EXIT WHEN step IS NULL; UPDATE accounts SET followers_bucket = followers_bucket(followers) WHERE id > last AND id <= step AND followers IS NOT NULL AND followers_bucket IS NULL; last := step; COMMIT; END LOOP; END $$;
DO $$ DECLARE last text := ''; step text; BEGIN LOOP SELECT max(id) INTO step FROM (SELECT id FROM profiles WHERE id > last ORDER BY id LIMIT 1000) AS s; EXIT WHEN step IS NULL; UPDATE profiles SET followers_bucket = followers_bucket(followers) WHERE id > last AND id <= step AND followers IS NOT NULL AND followers_bucket IS NULL; last := step; COMMIT; END LOOP; END $$;
DROP INDEX CONCURRENTLY IF EXISTS "accounts_team_id_followers_bucket_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_team_id_followers_bucket_id_idx" ON "accounts"("team_id", "followers_bucket", "id");
DROP INDEX CONCURRENTLY IF EXISTS "profiles_team_id_followers_bucket_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "profiles_team_id_followers_bucket_id_idx" ON "profiles"("team_id", "followers_bucket", "id");
DROP INDEX CONCURRENTLY IF EXISTS "accounts_team_id_followers_id_idx";
DROP INDEX CONCURRENTLY IF EXISTS "profiles_team_id_followers_id_idx";
