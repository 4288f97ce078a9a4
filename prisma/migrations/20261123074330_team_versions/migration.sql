-- CreateTable
CREATE TABLE "team_versions" (
    "team_id" TEXT NOT NULL,
    "session" INTEGER NOT NULL,
    "version" BIGINT NOT NULL,

    CONSTRAINT "team_versions_pkey" PRIMARY KEY ("team_id","session")
);

-- Rows are updated in place over and over.
ALTER TABLE "team_versions" SET (fillfactor = 50);

CREATE FUNCTION count_team_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO team_versions AS v (team_id, session, version) SELECT DISTINCT team_id, pg_backend_pid(), 1 FROM changed
  ON CONFLICT (team_id, session) DO UPDATE SET version = v.version + 1;
  RETURN NULL;
END $$;

-- Every table whose rows a versioned list shows.
DO $$
DECLARE
  shown text;
BEGIN
  FOREACH shown IN ARRAY ARRAY['accounts', 'connections', 'sweeps', 'disconnects', 'disconnect_steps'] LOOP
    EXECUTE format('CREATE TRIGGER count_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_team_version()', shown);
    EXECUTE format('CREATE TRIGGER count_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_team_version()', shown);
    EXECUTE format('CREATE TRIGGER count_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_team_version()', shown);
  END LOOP;
END $$;
