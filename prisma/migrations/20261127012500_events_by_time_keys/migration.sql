-- Outside of a transaction
-- What makes the table of events a partition in the next migration without a scan that holds it: the key that partitions have, and
-- proof that all its rows are from before a Monday that is one to two weeks away. Writers go on meanwhile.
DROP INDEX CONCURRENTLY IF EXISTS "events_former_pkey";
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "events_former_pkey" ON "events"("id", "created_at");
DO $$ BEGIN EXECUTE format('ALTER TABLE "events" DROP CONSTRAINT IF EXISTS "events_former_end", ADD CONSTRAINT "events_former_end" CHECK ("created_at" < %L) NOT VALID', (date_trunc('week', now() AT TIME ZONE 'UTC') + interval '2 weeks') AT TIME ZONE 'UTC'); END $$;
ALTER TABLE "events" VALIDATE CONSTRAINT "events_former_end";
