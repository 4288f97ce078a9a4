-- Followers change with almost every sweep. With no index on them such a change writes none (it is HOT): lists are ordered by a bucket
-- of them, which has an index and seldom changes, and sorted within the bucket.
ALTER TABLE "accounts" ADD COLUMN "followers_bucket" INTEGER;
ALTER TABLE "profiles" ADD COLUMN "followers_bucket" INTEGER;

-- Of two numbers the larger is never in the lesser bucket. Each number below 64 has one of its own; above, a bucket is as wide as a
-- thirty-second of the power of two below it.
CREATE FUNCTION followers_bucket(followers bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN followers < 64 THEN GREATEST(followers, 0)::integer
    ELSE (bits - 5) * 32 + (followers >> (bits - 5))::integer END
  FROM (SELECT length(ltrim(followers::bit(64)::text, '0')) - 1 AS bits) AS b
$$;

CREATE FUNCTION keep_followers_bucket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.followers_bucket := followers_bucket(NEW.followers);
  RETURN NEW;
END $$;
CREATE TRIGGER bucket_inserted BEFORE INSERT ON "accounts" FOR EACH ROW EXECUTE FUNCTION keep_followers_bucket();
CREATE TRIGGER bucket_updated BEFORE UPDATE ON "accounts" FOR EACH ROW
  WHEN (OLD.followers IS DISTINCT FROM NEW.followers) EXECUTE FUNCTION keep_followers_bucket();
CREATE TRIGGER bucket_inserted BEFORE INSERT ON "profiles" FOR EACH ROW EXECUTE FUNCTION keep_followers_bucket();
CREATE TRIGGER bucket_updated BEFORE UPDATE ON "profiles" FOR EACH ROW
  WHEN (OLD.followers IS DISTINCT FROM NEW.followers) EXECUTE FUNCTION keep_followers_bucket();

-- Room for a new version of each row beside the old one: a sweep writes whole pages of accounts at once.
ALTER TABLE "accounts" SET (fillfactor = 50);
ALTER TABLE "profiles" SET (fillfactor = 50);
ALTER TABLE "metric_samples_hourly_rest" SET (fillfactor = 50);

-- Of all metrics a profile's row holds but the followers, and of its accounts' those with the newest time count.
CREATE OR REPLACE FUNCTION touch_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
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
      SELECT team_id, id, max(profile_id) AS profile_id,
        count(DISTINCT (platform, platform_user_id, username_key, is_gone)) > 1 AS is_other,
        (array_agg(platform) FILTER (WHERE is_former))[1] AS platform,
        (array_agg(platform_user_id) FILTER (WHERE is_former))[1] AS platform_user_id,
        (array_agg(username_key) FILTER (WHERE is_former))[1] AS username_key,
        row_number() OVER (PARTITION BY team_id) / 500 AS piece
      FROM (
        SELECT team_id, id, platform, platform_user_id, username_key, profile_id, updated_at,
          ROW(followers, metrics_as_of) AS metrics,
          status = 'disconnected' AS is_gone, FALSE AS is_former FROM written
        UNION ALL
        SELECT team_id, id, platform, platform_user_id, username_key, profile_id, updated_at,
          ROW(followers, metrics_as_of),
          status = 'disconnected', TRUE FROM replaced) AS states
      GROUP BY team_id, id
      HAVING (min(updated_at) <> max(updated_at) OR count(DISTINCT metrics) > 1)
        AND count(DISTINCT COALESCE(profile_id, '')) = 1) AS changed
    GROUP BY team_id, piece;
  END IF;
  RETURN NULL;
END $$;
