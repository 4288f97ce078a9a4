-- When the last sweeps started that asked the provider: silence counts by looks that were tried. Nothing is known of the
-- earlier ones, so that silence begins to count with the next.
ALTER TABLE "connections" ADD COLUMN "tried_at" TIMESTAMPTZ(3)[] DEFAULT ARRAY[]::TIMESTAMPTZ(3)[];
