-- Outside of a transaction
-- Accounts with a label: of `labels <> '{}'` PostgreSQL knows how many there are, and takes that part of those with the label, which all have labels, so that it expected a fiftieth of them and sorted them all. Of this condition it knows nothing. The release before still asks in the words of accounts_labels_idx.
DROP INDEX CONCURRENTLY IF EXISTS "accounts_labelled_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_labelled_idx" ON "accounts" USING gin ("labels" jsonb_path_ops) WHERE "labels"::text <> '{}';
