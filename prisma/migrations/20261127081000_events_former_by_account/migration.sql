-- Outside of a transaction
-- The partition that holds most: the next migration takes this index in rather than build it while writers wait. Where the partition is
-- past its retention, an empty table stands in for it until then.
CREATE TABLE IF NOT EXISTS "events_former" (LIKE "events" INCLUDING DEFAULTS);
DROP INDEX CONCURRENTLY IF EXISTS "events_former_team_id_account_id_place_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "events_former_team_id_account_id_place_id_idx" ON "events_former"("team_id", "account_id", COALESCE("position", "transaction_id"), "id") WHERE "account_id" IS NOT NULL;
