-- The process whose run it is: while that lives, no other begins one of the same connection.
ALTER TABLE "sweep_runs" ADD COLUMN     "holder" TEXT NOT NULL DEFAULT '';
