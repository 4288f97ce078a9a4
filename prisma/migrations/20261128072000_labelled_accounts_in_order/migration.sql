-- Outside of a transaction
-- Of accounts with a label a page in the order of creation is found without reading all that have the label.
DROP INDEX CONCURRENTLY IF EXISTS "accounts_labelled_order_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_labelled_order_idx" ON "accounts"("team_id", "created_at", "id") WHERE "labels"::text <> '{}';
