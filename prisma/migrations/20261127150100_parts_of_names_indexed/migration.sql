-- Outside of a transaction
-- In place of the trigrams; see parts_of_names.
DROP INDEX CONCURRENTLY IF EXISTS "accounts_name_parts_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_name_parts_idx" ON "accounts" USING gin (rollcall_name_parts(rollcall_nfc("username"), rollcall_nfc("display_name"))) WITH (gin_pending_list_limit = 16384);
DROP INDEX CONCURRENTLY IF EXISTS "accounts_composed_names_idx";
-- How often each part is found is known at once.
ANALYZE "accounts";
