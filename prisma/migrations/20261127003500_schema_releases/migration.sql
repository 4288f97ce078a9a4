-- CreateTable
CREATE TABLE "schema_releases" (
    "number" INTEGER NOT NULL,
    "migrated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "schema_releases_pkey" PRIMARY KEY ("number")
);
