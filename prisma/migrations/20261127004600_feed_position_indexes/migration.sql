-- Outside of a transaction
-- Rows from before there were positions stand where their transaction does.
DROP INDEX CONCURRENTLY IF EXISTS "events_team_id_place_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "events_team_id_place_id_idx" ON "events"("team_id", COALESCE("position", "transaction_id"), "id");
DROP INDEX CONCURRENTLY IF EXISTS "health_transitions_team_id_place_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "health_transitions_team_id_place_id_idx" ON "health_transitions"("team_id", COALESCE("position", "transaction_id"), "id");
