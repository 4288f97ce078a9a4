-- CreateTable
CREATE TABLE "account_counts" (
    "id" BIGSERIAL NOT NULL,
    "team_id" TEXT NOT NULL,
    "connection_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "health_status" TEXT NOT NULL,
    "health_reason" TEXT,
    "delta" INTEGER NOT NULL,

    CONSTRAINT "account_counts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "provider_incidents" (
    "id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "last_failure_at" TIMESTAMPTZ(3) NOT NULL,
    "error" TEXT,
    "accounts" INTEGER NOT NULL,

    CONSTRAINT "provider_incidents_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "account_counts_team_id_idx" ON "account_counts"("team_id");

-- CreateIndex
CREATE INDEX "provider_incidents_provider_opened_at_idx" ON "provider_incidents"("provider", "opened_at");

-- Every write to accounts adds to the counts, whichever statement it is, in its own transaction.
CREATE FUNCTION count_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO account_counts (team_id, connection_id, provider, platform, status, health_status, health_reason, delta)
    SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, count(*)
    FROM written GROUP BY 1, 2, 3, 4, 5, 6, 7;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO account_counts (team_id, connection_id, provider, platform, status, health_status, health_reason, delta)
    SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, -count(*)
    FROM replaced GROUP BY 1, 2, 3, 4, 5, 6, 7;
  ELSE
    INSERT INTO account_counts (team_id, connection_id, provider, platform, status, health_status, health_reason, delta)
    SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, sum(delta)
    FROM (
      SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, 1 AS delta FROM written
      UNION ALL
      SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, -1 FROM replaced
    ) AS changes GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(delta) <> 0;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER count_inserted AFTER INSERT ON "accounts" REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION count_accounts();
CREATE TRIGGER count_deleted AFTER DELETE ON "accounts" REFERENCING OLD TABLE AS replaced
  FOR EACH STATEMENT EXECUTE FUNCTION count_accounts();
CREATE TRIGGER count_updated AFTER UPDATE ON "accounts" REFERENCING OLD TABLE AS replaced NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION count_accounts();

INSERT INTO account_counts (team_id, connection_id, provider, platform, status, health_status, health_reason, delta)
SELECT team_id, connection_id, provider, platform, status, health_status, health_reason, count(*)
FROM "accounts" GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- At most one outage of a provider is under way.
CREATE UNIQUE INDEX "provider_incidents_open_key" ON "provider_incidents"("provider") WHERE "closed_at" IS NULL;
