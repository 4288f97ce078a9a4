-- The large answers of a team, whose bytes are bounded: few, so that their sum is read before one
-- more is kept. The length of a stored value is known without reading it.
CREATE INDEX "idempotency_keys_large_answers_idx" ON "idempotency_keys"("team_id")
  WHERE octet_length("answer") > 4096;
