-- What the events of one account are read by.
CREATE INDEX "events_team_id_account_id_place_id_idx" ON "events"("team_id", "account_id", COALESCE("position", "transaction_id"), "id") WHERE "account_id" IS NOT NULL;

DO $$
BEGIN
  IF NOT (SELECT relispartition FROM pg_class WHERE oid = 'events_former'::regclass) THEN
    DROP TABLE "events_former";
  END IF;
END $$;
