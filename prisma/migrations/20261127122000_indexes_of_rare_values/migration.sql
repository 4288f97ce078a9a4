-- Outside of a transaction
-- What few rows of a list have is found without reading along the order of the list.
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_team_id_key_id_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "audit_events_team_id_key_id_id_idx" ON "audit_events"("team_id", "key_id", "id");
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_team_id_target_type_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "audit_events_team_id_target_type_id_idx" ON "audit_events"("team_id", "target_type", "id");
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_team_id_action_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "audit_events_team_id_action_id_idx" ON "audit_events"("team_id", "action", "id");
DROP INDEX CONCURRENTLY IF EXISTS "audit_events_team_id_request_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "audit_events_team_id_request_id_idx" ON "audit_events"("team_id", "request_id");
DROP INDEX CONCURRENTLY IF EXISTS "disconnects_team_id_state_created_at_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "disconnects_team_id_state_created_at_id_idx" ON "disconnects"("team_id", "state", "created_at", "id");
DROP INDEX CONCURRENTLY IF EXISTS "disconnects_team_id_requested_by_id_created_at_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "disconnects_team_id_requested_by_id_created_at_id_idx" ON "disconnects"("team_id", "requested_by_id", "created_at", "id");
DROP INDEX CONCURRENTLY IF EXISTS "disconnects_team_id_reason_code_created_at_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "disconnects_team_id_reason_code_created_at_id_idx" ON "disconnects"("team_id", "reason_code", "created_at", "id");
DROP INDEX CONCURRENTLY IF EXISTS "findings_team_id_kind_id_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "findings_team_id_kind_id_idx" ON "findings"("team_id", "kind", "id");
DROP INDEX CONCURRENTLY IF EXISTS "accounts_unwell_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_unwell_idx" ON "accounts"("team_id", "health_status", "created_at", "id") WHERE "health_status" <> 'healthy';
DROP INDEX CONCURRENTLY IF EXISTS "accounts_reason_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_reason_idx" ON "accounts"("team_id", "health_reason", "created_at", "id") WHERE "health_reason" IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS "accounts_inactive_idx";
CREATE INDEX CONCURRENTLY IF NOT EXISTS "accounts_inactive_idx" ON "accounts"("team_id", "status", "created_at", "id") WHERE "status" <> 'active';
