-- When a change of metrics alone was last told as an event. Null: never.
ALTER TABLE "accounts" ADD COLUMN "metrics_told_at" TIMESTAMPTZ(3);

-- The metrics of accounts as they were at the last change in each hour and in each day (UTC). Partitions are dropped by age: hours
-- are kept for less long than days, so nothing is ever summed up.
CREATE TABLE "metric_samples_hourly" (
    "account_id" TEXT NOT NULL,
    "slot" TIMESTAMPTZ(3) NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
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

    CONSTRAINT "metric_samples_hourly_pkey" PRIMARY KEY ("account_id","slot")
) PARTITION BY RANGE ("slot");

CREATE TABLE "metric_samples_daily" (
    "account_id" TEXT NOT NULL,
    "slot" TIMESTAMPTZ(3) NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
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

    CONSTRAINT "metric_samples_daily_pkey" PRIMARY KEY ("account_id","slot")
) PARTITION BY RANGE ("slot");

-- A sample is written over while its hour and its day last.
CREATE TABLE "metric_samples_hourly_rest" PARTITION OF "metric_samples_hourly" DEFAULT WITH (fillfactor = 80);
CREATE TABLE "metric_samples_daily_rest" PARTITION OF "metric_samples_daily" DEFAULT WITH (fillfactor = 60);

-- Accounts that are deleted and whose samples are not yet.
CREATE TABLE "forgotten_accounts" (
    "account_id" TEXT NOT NULL,

    CONSTRAINT "forgotten_accounts_pkey" PRIMARY KEY ("account_id")
);

CREATE FUNCTION forget_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO forgotten_accounts (account_id) SELECT id FROM replaced ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_deleted AFTER DELETE ON "accounts" REFERENCING OLD TABLE AS replaced
  FOR EACH STATEMENT EXECUTE FUNCTION forget_accounts();

-- The partitions of a table that is partitioned by time, but for the one of everything else.
CREATE FUNCTION time_partitions(parent regclass)
RETURNS TABLE (part regclass, since timestamptz, until timestamptz) LANGUAGE sql STABLE AS $$
  SELECT c.oid::regclass, (regexp_match(b.bounds, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
    (regexp_match(b.bounds, 'TO \(''([^'']+)''\)'))[1]::timestamptz
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) b
  WHERE i.inhparent = parent AND b.bounds <> 'DEFAULT'
$$;

-- The table of that name, if it is partitioned and whoever called has that right on it. Partitions belong to the owner of the table,
-- so the functions below run as the owner, whichever role the gateway has.
CREATE FUNCTION time_partitioned(parent text, wanted_right text) RETURNS regclass LANGUAGE plpgsql STABLE AS $$
DECLARE
  main regclass := to_regclass(quote_ident(parent));
BEGIN
  IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = main) THEN
    RAISE EXCEPTION '% is not a partitioned table', parent;
  END IF;
  IF NOT has_table_privilege(session_user, main, wanted_right) THEN
    RAISE insufficient_privilege USING MESSAGE = format('permission denied for table %s', parent);
  END IF;
  RETURN main;
END $$;

-- Makes the partitions of this day, week or month (UTC) and of so many after it. What was written of their time before they were
-- there moves in from the partition of everything else.
CREATE FUNCTION make_time_partitions(parent text, unit text, moment timestamptz, ahead int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
  main regclass := time_partitioned(parent, 'INSERT');
  step interval := ('1 ' || unit)::interval;
  first timestamp := date_trunc(unit, moment AT TIME ZONE 'UTC');
  begins timestamptz;
  ends timestamptz;
  part text;
  rest regclass;
  options text;
  slot text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('partitions of ' || parent, 0)) THEN RETURN; END IF;
  SELECT p.partdefid::regclass, a.attname, array_to_string(d.reloptions, ', ') INTO rest, slot, options
  FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
  JOIN pg_class d ON d.oid = p.partdefid WHERE p.partrelid = main;
  FOR i IN 0..ahead LOOP
    begins := (first + i * step) AT TIME ZONE 'UTC';
    ends := (first + (i + 1) * step) AT TIME ZONE 'UTC';
    CONTINUE WHEN EXISTS (
      SELECT FROM time_partitions(main) t WHERE COALESCE(t.since, '-infinity') < ends AND t.until > begins);
    part := parent || '_' || to_char(begins AT TIME ZONE 'UTC', 'YYYYMMDD');
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', main);
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
    EXECUTE format('CREATE TABLE %I (LIKE %s INCLUDING ALL EXCLUDING INDEXES)%s', part, main, COALESCE(' WITH (' || options || ')', ''));
    EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO %5$I SELECT * FROM moved',
      rest, slot, begins, ends, part);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', main, part, begins, ends);
  END LOOP;
END $$;

-- Drops the partitions that end by a time, and deletes what is older from the partition of everything else.
CREATE FUNCTION drop_time_partitions(parent text, moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
  main regclass := time_partitioned(parent, 'DELETE');
  part regclass;
  rest regclass;
  slot text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('partitions of ' || parent, 0)) THEN RETURN; END IF;
  FOR part IN SELECT t.part FROM time_partitions(main) t WHERE t.until <= moment ORDER BY t.until LOOP
    EXECUTE format('DROP TABLE %s', part);
  END LOOP;
  SELECT p.partdefid::regclass, a.attname INTO rest, slot
  FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] WHERE p.partrelid = main;
  EXECUTE format('DELETE FROM %s WHERE %I < %L', rest, slot, moment);
END $$;

-- A change of metrics alone leaves `updated_at` as it is, and may change what a profile shows.
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
          ROW(followers, following, posts, views, likes, comments, shares, saves, engagement_rate, growth_rate_30d, metrics_as_of) AS metrics,
          status = 'disconnected' AS is_gone, FALSE AS is_former FROM written
        UNION ALL
        SELECT team_id, id, platform, platform_user_id, username_key, profile_id, updated_at,
          ROW(followers, following, posts, views, likes, comments, shares, saves, engagement_rate, growth_rate_30d, metrics_as_of),
          status = 'disconnected', TRUE FROM replaced) AS states
      GROUP BY team_id, id
      HAVING (min(updated_at) <> max(updated_at) OR count(DISTINCT metrics) > 1)
        AND count(DISTINCT COALESCE(profile_id, '')) = 1) AS changed
    GROUP BY team_id, piece;
  END IF;
  RETURN NULL;
END $$;
