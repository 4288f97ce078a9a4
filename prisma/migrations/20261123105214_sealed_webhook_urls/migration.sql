-- AlterTable
ALTER TABLE "webhooks" ADD COLUMN     "sealed_url" BYTEA,
ALTER COLUMN "url" SET DEFAULT '';

-- What was told of URLs so far is cut to their origins: the rest is kept like a key from now on.
CREATE FUNCTION pg_temp.origin(url text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(COALESCE(substring(url FROM '^[A-Za-z]+://[^/?#\\@]+'), ''))
$$;
UPDATE "events" SET "data" = jsonb_set("data", '{webhook,url}', pg_temp.origin("data" #>> '{webhook,url}'))
  WHERE "type" = 'webhook.disabled' AND "data" #> '{webhook,url}' IS NOT NULL;
ALTER TABLE "audit_events" DISABLE TRIGGER "audit_events_append_only";
UPDATE "audit_events" SET "after" = jsonb_set("after", '{url}', pg_temp.origin("after" ->> 'url'))
  WHERE "target_type" = 'webhook' AND "after" -> 'url' IS NOT NULL;
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_append_only";
