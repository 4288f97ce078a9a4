-- What may be taken, by connection: steps that are leased to a process that is gone are among it. The release before uses
-- "disconnect_steps_due_idx", which the next one may drop.
CREATE INDEX "disconnect_steps_unfinished_idx" ON "disconnect_steps"("connection_id", "next_attempt_at", "id") WHERE "state" IN ('pending', 'running');
