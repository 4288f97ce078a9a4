-- Which view of a page the console opens it with.
ALTER TABLE "saved_views" ADD COLUMN "is_default" BOOLEAN NOT NULL DEFAULT false;
