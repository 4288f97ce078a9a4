-- AlterTable
ALTER TABLE "disconnect_steps" ADD COLUMN     "not_compared" JSONB,
ADD COLUMN     "platform_user_id" TEXT,
ADD COLUMN     "seen_at" TIMESTAMPTZ(3);

-- Steps under way are bound to who their account shows now: nothing later is known of who was meant.
UPDATE "disconnect_steps" s SET "platform_user_id" = a."platform_user_id" FROM "accounts" a
  WHERE a."id" = s."account_id" AND s."finished_at" IS NULL;
