-- Disconnects that wait for an administrator, and who approved them.
ALTER TABLE "disconnects"
  ADD COLUMN "approval_reason" TEXT,
  ADD COLUMN "approval_since" TIMESTAMPTZ(3),
  ADD COLUMN "approved_by_id" TEXT,
  ADD COLUMN "approved_by_name" TEXT,
  ADD COLUMN "approved_at" TIMESTAMPTZ(3);
