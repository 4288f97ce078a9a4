-- Events and health changes are numbered by a sequence of our own while they are written, by the release before as well; which numbers
-- readers may see by now stands in `feed_histories`. Before, transaction ids were the order, which stay below the first number: the rows
-- there are keep it, and what was read up to them goes on from there.
CREATE SEQUENCE "feed_positions" AS BIGINT MINVALUE 281474976710656;

-- In two steps, so that no row is written anew.
ALTER TABLE "events" ADD COLUMN "position" BIGINT;
ALTER TABLE "events" ALTER COLUMN "position" SET DEFAULT nextval('feed_positions');
ALTER TABLE "health_transitions" ADD COLUMN "position" BIGINT;
ALTER TABLE "health_transitions" ALTER COLUMN "position" SET DEFAULT nextval('feed_positions');

-- CreateTable
CREATE TABLE "feed_histories" (
    "number" BIGINT NOT NULL,
    "id" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "server" TEXT NOT NULL,
    "begun_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "feed_histories_pkey" PRIMARY KEY ("number")
);
-- Everything that was written by transaction ids is committed.
INSERT INTO "feed_histories" VALUES (1, gen_random_uuid(), 281474976710655, '', now());

-- AlterTable
ALTER TABLE "webhooks" ADD COLUMN     "feed_position" BIGINT;

-- Gateways of the release before go on writing: whoever may add events may number them.
DO $$
DECLARE
  writer text;
BEGIN
  FOR writer IN
    SELECT DISTINCT grantee::regrole::text FROM pg_class, aclexplode(relacl)
    WHERE oid = 'events'::regclass AND privilege_type = 'INSERT' AND grantee <> 0
  LOOP
    EXECUTE format('GRANT SELECT, UPDATE ON SEQUENCE feed_positions TO %s', writer);
  END LOOP;
END $$;
