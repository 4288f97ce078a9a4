-- DropIndex
DROP INDEX "findings_team_id_since_id_idx";

-- AlterTable
ALTER TABLE "findings" ADD COLUMN "fingerprint" TEXT NOT NULL DEFAULT '',
ADD COLUMN "platform" TEXT NOT NULL DEFAULT '',
ADD COLUMN "providers" TEXT[];

-- CreateTable
CREATE TABLE "finding_touches" (
    "id" BIGSERIAL NOT NULL,
    "team_id" TEXT NOT NULL,
    "profile_ids" TEXT[],

    CONSTRAINT "finding_touches_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "finding_passes" (
    "team_id" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "after_created_at" TIMESTAMPTZ(3),
    "after_id" TEXT,
    "counts" JSONB NOT NULL DEFAULT '{}',
    "expected" TEXT[],

    CONSTRAINT "finding_passes_pkey" PRIMARY KEY ("team_id")
);

-- CreateIndex
CREATE INDEX "finding_touches_team_id_id_idx" ON "finding_touches"("team_id", "id");

-- CreateIndex
CREATE INDEX "finding_passes_due_at_idx" ON "finding_passes"("due_at");

-- CreateIndex
CREATE INDEX "findings_team_id_id_idx" ON "findings"("team_id", "id");

-- What is open is listed most, and is there once; what is closed is deleted by its age.
CREATE INDEX "findings_open_idx" ON "findings"("team_id", "id") WHERE "closed_at" IS NULL;
CREATE UNIQUE INDEX "findings_open_key" ON "findings"("profile_id", "fingerprint") WHERE "closed_at" IS NULL;
CREATE INDEX "findings_closed_idx" ON "findings"("closed_at") WHERE "closed_at" IS NOT NULL;

-- Lists of findings are versioned like those of accounts.
CREATE TRIGGER count_insert AFTER INSERT ON "findings" REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();
CREATE TRIGGER count_update AFTER UPDATE ON "findings" REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();
CREATE TRIGGER count_delete AFTER DELETE ON "findings" REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_team_version();

-- Teams with profiles from before get a first pass.
INSERT INTO "finding_passes" ("team_id", "due_at") SELECT DISTINCT "team_id", now() FROM "profiles";
