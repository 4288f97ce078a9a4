-- Parts of names are found by all runs of three characters in them, and those of one or two by the runs that begin with them. The
-- trigrams of pg_trgm leave out what is not a letter or digit, and find no part of one or two. The names come composed, as `q` does.
CREATE FUNCTION rollcall_name_parts(username text, display_name text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $$
DECLARE
  low text := lower(username);
  runs text[] := '{}';
BEGIN
  FOR at IN 1..COALESCE(length(low), 0) LOOP runs := runs || substr(low, at, 3); END LOOP;
  low := lower(display_name);
  FOR at IN 1..COALESCE(length(low), 0) LOOP runs := runs || substr(low, at, 3); END LOOP;
  RETURN array_to_tsvector(runs);
END $$;

-- What the parts of each name that `part` is in match. Others may match it, too: with its runs in another order.
CREATE FUNCTION rollcall_part_query(part text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg('''' || replace(replace(substr(low, at, 3), '\', '\\'), '''', '''''') || ''''
    || CASE WHEN length(low) < 3 THEN ':*' ELSE '' END, ' & ')::tsquery
  FROM (SELECT lower(part) AS low) AS l, generate_series(1, GREATEST(length(low) - 2, 1)) AS at
$$;
