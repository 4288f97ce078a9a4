-- Who may see an event that is about no single provider: keys without a restriction, and those that
-- may see all of these. Null: it is about `provider`, or about none and for everyone.
ALTER TABLE "events" ADD COLUMN "providers" TEXT[];

-- Whose webhooks the earlier ones were, they do not say.
UPDATE "events" SET "providers" = '{}' WHERE "type" = 'webhook.disabled';
