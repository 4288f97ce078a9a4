import { setTimeout as sleep } from 'node:timers/promises';
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const SAMPLE_MS = 2_000;
const READS_PER_SAMPLE = 50;
const HOUR_MS = 3_600_000;

interface Sample {
  readonly ms: number;
  readonly megabytes: number;
}

/**
 * A day's sweeps in minutes: connections are swept every five seconds while pages are read. Prints how
 * the resident memory of the gateway's process goes in the second half of that time: after a start it
 * grows for a while.
 */
export async function soak(dataDir: string, port: number, minutes: number): Promise<void> {
  const gateway = await startGatewayProcess(port, {
    DATA_DIR: dataDir,
    SANDBOX: 'true',
    SANDBOX_ACCOUNTS: '2000',
    SWEEP_INTERVAL_SECONDS: '5',
  });
  try {
    const samples: Sample[] = [];
    const started = performance.now();
    const count = (minutes * 60_000) / SAMPLE_MS;
    for (let taken = 0; taken < count; taken += 1) {
      await read(gateway);
      await sleep(Math.max(0, started + (taken + 1) * SAMPLE_MS - performance.now()));
      const { now } = await gateway.memory();
      samples.push({ ms: performance.now() - started, megabytes: now });
    }
    const half = samples.slice(Math.floor(samples.length / 2));
    const mean = half.reduce((sum, { megabytes }) => sum + megabytes, 0) / half.length;
    const { peak } = await gateway.memory();
    report('memory, mean of the second half', mean, 'MB', `peak ${Math.round(peak)} MB`);
    report('its slope', (100 * slopeOf(half) * HOUR_MS) / mean, '%/h', `${half.length} samples`);
  } finally {
    await gateway.stop();
  }
}

async function read(gateway: GatewayProcess): Promise<void> {
  for (let number = 0; number < READS_PER_SAMPLE; number += 1) {
    const { status } = await gateway.get(`/v1/accounts?limit=${1 + (number % 50)}`);
    // What comes during the first import may be turned away.
    if (status !== 200 && status !== 429) throw new Error(`the gateway answered with ${status}`);
  }
}

/** By least squares, in megabytes a millisecond. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const atMs = mean(samples.map(({ ms }) => ms));
  const megabytes = mean(samples.map((sample) => sample.megabytes));
  const above = samples.map((sample) => (sample.ms - atMs) * (sample.megabytes - megabytes));
  const below = samples.map(({ ms }) => (ms - atMs) ** 2);
  return mean(above) / mean(below);
}
