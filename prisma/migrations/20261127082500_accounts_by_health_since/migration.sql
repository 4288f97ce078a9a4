-- Outside of a transaction
-- Which verdicts have stood longest.
DROP INDEX CONCURRENTLY IF EXISTS "accounts_team_id_health_since_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_team_id_health_since_id_idx" ON "accounts"("team_id", "health_since", "id");
