-- Names are found whichever of Unicode's forms their provider and the caller write: both sides are compared in the composed one (NFC).
-- A server whose encoding is not UTF-8 cannot compose, and compares the bytes as before.
DO $$
BEGIN
  IF getdatabaseencoding() = 'UTF8' THEN
    -- Where every character is one byte, none composes.
    CREATE FUNCTION rollcall_nfc(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
      'SELECT CASE WHEN octet_length($1) = char_length($1) THEN $1 ELSE normalize($1, NFC) END';
  ELSE
    CREATE FUNCTION rollcall_nfc(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';
  END IF;
END $$;

-- Looked up by the key of a handle; few hold anything that composes.
UPDATE "accounts" SET "username_key" = rollcall_nfc("username_key") WHERE "username_key" IS DISTINCT FROM rollcall_nfc("username_key");

-- In place of the index over the names as they are written; see account_search.
DO $$
DECLARE
  home text;
BEGIN
  SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF home IS NOT NULL THEN
    EXECUTE format('CREATE INDEX "accounts_composed_names_idx" ON "accounts" USING gin
      (rollcall_nfc("username") %1$I.gin_trgm_ops, rollcall_nfc("display_name") %1$I.gin_trgm_ops) WITH (gin_pending_list_limit = 16384)', home);
    DROP INDEX IF EXISTS "accounts_names_idx";
  END IF;
END $$;
