-- One name for a lease in all tables: `leased_by` takes the place of `held_by`, which the release
-- before goes on to read and write beside this one. A trigger keeps the two alike; the next release
-- drops it, and `held_by` with it.

-- AlterTable
ALTER TABLE "idempotency_keys" ADD COLUMN     "leased_by" TEXT;
ALTER TABLE "probes" ADD COLUMN     "leased_by" TEXT;

UPDATE "idempotency_keys" SET "leased_by" = "held_by";
UPDATE "probes" SET "leased_by" = "held_by";

ALTER TABLE "idempotency_keys" ALTER COLUMN "leased_by" SET NOT NULL;
ALTER TABLE "probes" ALTER COLUMN "leased_by" SET NOT NULL;

-- Whoever writes knows one of the columns: the other follows the one that is given or changes.
CREATE FUNCTION copy_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.leased_by := COALESCE(NEW.leased_by, NEW.held_by);
    NEW.held_by := NEW.leased_by;
  ELSIF NEW.leased_by IS DISTINCT FROM OLD.leased_by THEN
    NEW.held_by := NEW.leased_by;
  ELSE
    NEW.leased_by := NEW.held_by;
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER copy_lease BEFORE INSERT OR UPDATE ON "idempotency_keys"
  FOR EACH ROW EXECUTE FUNCTION copy_lease();
CREATE TRIGGER copy_lease BEFORE INSERT OR UPDATE ON "probes"
  FOR EACH ROW EXECUTE FUNCTION copy_lease();
