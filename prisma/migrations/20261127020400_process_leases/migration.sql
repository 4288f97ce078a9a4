-- Leases of processes are rows: a pooler gives a process no session of its own. A row is as good as the process until it
-- runs out.
CREATE TABLE "gateway_processes" (
    "name" TEXT NOT NULL,
    "alive_since" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "gateway_processes_pkey" PRIMARY KEY ("name")
);

-- What one process at a time may do; held as long as its holder lives.
CREATE TABLE "gateway_locks" (
    "name" TEXT NOT NULL,
    "holder" TEXT NOT NULL,

    CONSTRAINT "gateway_locks_pkey" PRIMARY KEY ("name")
);
