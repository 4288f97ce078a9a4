-- AlterTable
ALTER TABLE "connections" ADD COLUMN "paused" BOOLEAN NOT NULL DEFAULT false;

-- A name is taken within a provider only: who may not see a provider must not learn its connections'
-- names from a refusal.
-- CreateIndex
CREATE UNIQUE INDEX "connections_team_id_provider_name_key" ON "connections"("team_id", "provider", "name");

-- DropIndex
DROP INDEX "connections_team_id_name_key";
