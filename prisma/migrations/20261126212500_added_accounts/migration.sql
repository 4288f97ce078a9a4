-- AlterTable
ALTER TABLE "profile_touches" ADD COLUMN     "is_added" BOOLEAN NOT NULL DEFAULT false;

-- A new account may be inserted with the profile that it will most likely be in: only that it is new tells that it was in none before.
CREATE FUNCTION touch_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids, is_added)
  SELECT team_id, array_agg(id), '{}', '{}', '{}', '{}', true
  FROM (SELECT team_id, id, row_number() OVER (PARTITION BY team_id) / 500 AS piece FROM written) AS w
  GROUP BY team_id, piece;
  RETURN NULL;
END $$;

DROP TRIGGER touch_inserted ON "accounts";
CREATE TRIGGER touch_inserted AFTER INSERT ON "accounts" REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION touch_added();

-- The index by handle that lists use serves as well.
DROP INDEX "accounts_handle_key";
