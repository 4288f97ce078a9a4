-- Keys name the key that made them. Null: the gateway itself did, or a release before this one.
ALTER TABLE "api_keys" ADD COLUMN "created_by_id" TEXT, ADD COLUMN "created_by_name" TEXT;
CREATE INDEX "api_keys_created_by_id_idx" ON "api_keys"("created_by_id");
