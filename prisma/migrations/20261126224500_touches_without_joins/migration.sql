-- Pairs the former state of each account with the new one by grouping: a join of the two has no index and takes the square of the
-- rows of a large update.
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
          status = 'disconnected' AS is_gone, FALSE AS is_former FROM written
        UNION ALL
        SELECT team_id, id, platform, platform_user_id, username_key, profile_id, updated_at,
          status = 'disconnected', TRUE FROM replaced) AS states
      GROUP BY team_id, id
      HAVING min(updated_at) <> max(updated_at) AND count(DISTINCT COALESCE(profile_id, '')) = 1) AS changed
    GROUP BY team_id, piece;
  END IF;
  RETURN NULL;
END $$;
