-- Gives the same buckets. Without a sub-select the function becomes part of the expression that calls it; with one it was run by itself
-- for each account and each profile that is written.
CREATE OR REPLACE FUNCTION followers_bucket(followers bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN followers < 64 THEN GREATEST(followers, 0)::integer
    ELSE (length(ltrim(followers::bit(64)::text, '0')) - 6) * 32
      + (followers >> (length(ltrim(followers::bit(64)::text, '0')) - 6))::integer END
$$;
