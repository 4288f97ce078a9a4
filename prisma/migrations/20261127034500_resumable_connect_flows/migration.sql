-- A request that was cut off after it had used a flow goes on with it.
ALTER TABLE "connect_flows" ADD COLUMN "used_by" TEXT,
ADD COLUMN "provider_account_id" TEXT;
