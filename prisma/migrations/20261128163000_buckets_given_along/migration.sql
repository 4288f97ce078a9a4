-- Whoever inserts a row can give its bucket along, by the same function within the statement: a trigger that is called for each row takes
-- longer than all else about it. Where none is given, as by the former release, the trigger sees to it.
CREATE OR REPLACE TRIGGER bucket_inserted BEFORE INSERT ON "accounts" FOR EACH ROW
  WHEN (NEW.followers_bucket IS NULL AND NEW.followers IS NOT NULL) EXECUTE FUNCTION keep_followers_bucket();
CREATE OR REPLACE TRIGGER bucket_inserted BEFORE INSERT ON "profiles" FOR EACH ROW
  WHEN (NEW.followers_bucket IS NULL AND NEW.followers IS NOT NULL) EXECUTE FUNCTION keep_followers_bucket();
