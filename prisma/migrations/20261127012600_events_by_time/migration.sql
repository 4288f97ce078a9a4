-- Events are partitioned by time, so that what is past its retention is dropped in one step. The table there is becomes a partition as it
-- is, up to the time that the migration before has fixed. The release before reads and writes the whole like the table it knows.
ALTER TABLE "events" RENAME TO "events_former";
ALTER INDEX "events_team_id_transaction_id_id_idx" RENAME TO "events_former_team_id_transaction_id_id_idx";
ALTER INDEX "events_created_at_idx" RENAME TO "events_former_created_at_idx";
ALTER INDEX "events_team_id_place_id_idx" RENAME TO "events_former_team_id_place_id_idx";
ALTER TABLE "events_former" DROP CONSTRAINT "events_pkey",
  ADD CONSTRAINT "events_former_pkey" PRIMARY KEY USING INDEX "events_former_pkey";

CREATE TABLE "events" (
  LIKE "events_former" INCLUDING DEFAULTS,
  CONSTRAINT "events_pkey" PRIMARY KEY ("id", "created_at")
) PARTITION BY RANGE ("created_at");
CREATE INDEX "events_team_id_transaction_id_id_idx" ON "events"("team_id", "transaction_id", "id");
CREATE INDEX "events_created_at_idx" ON "events" USING BRIN ("created_at");
CREATE INDEX "events_team_id_place_id_idx" ON "events"("team_id", COALESCE("position", "transaction_id"), "id");
CREATE TABLE "events_rest" PARTITION OF "events" DEFAULT;

DO $$
DECLARE
  bound text;
  granted record;
BEGIN
  SELECT (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1] INTO STRICT bound
  FROM pg_constraint WHERE conrelid = 'events_former'::regclass AND conname = 'events_former_end';
  EXECUTE format('ALTER TABLE "events" ATTACH PARTITION "events_former" FOR VALUES FROM (MINVALUE) TO (%L)', bound);
  -- Gateways of the release before go on meanwhile.
  FOR granted IN
    SELECT grantee::regrole::text AS role, string_agg(privilege_type, ', ') AS privileges FROM pg_class, aclexplode(relacl)
    WHERE oid = 'events_former'::regclass AND grantee NOT IN (0, relowner) GROUP BY 1
  LOOP
    EXECUTE format('GRANT %s ON "events" TO %s', granted.privileges, granted.role);
  END LOOP;
END $$;
ALTER TABLE "events_former" DROP CONSTRAINT "events_former_end";
