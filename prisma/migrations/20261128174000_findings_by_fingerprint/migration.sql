-- Outside of a transaction
-- What is found again is looked for by what it is, whichever profile has its accounts by then.
DROP INDEX CONCURRENTLY IF EXISTS "findings_fingerprint_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "findings_fingerprint_idx" ON "findings"("team_id", "fingerprint") WHERE "closed_at" IS NULL OR "dismissed_at" IS NOT NULL;
