-- AlterTable
ALTER TABLE "connections" ADD COLUMN     "access_changed_at" TIMESTAMPTZ(3),
ADD COLUMN     "health_swept_at" TIMESTAMPTZ(3),
ADD COLUMN     "held_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "sweeps" ADD COLUMN     "degraded" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "duplicates" INTEGER NOT NULL DEFAULT 0;
