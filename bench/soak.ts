import { setTimeout as sleep } from 'node:timers/promises';
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const SAMPLE_MS = 2_000;
const READS_PER_SAMPLE = 50;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Sample {
  readonly ms: number;
  readonly megabytes: number;
}

/**
 * A day's sweeps in minutes: connections are swept every five seconds while pages are read. Prints how
 * the resident memory of the gateway's process goes in the second half of that time: after a start it
 * grows for a while. A slope within two or three of its standard errors tells nothing.
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
    const mean = meanOf(half.map(({ megabytes }) => megabytes));
    const { peak } = await gateway.memory();
    const { slope, error } = lineThrough(leastOfEachMinute(half));
    const percent = (megabytesPerMs: number) => (100 * megabytesPerMs * HOUR_MS) / mean;
    report('memory, mean of the second half', mean, 'MB', `peak ${Math.round(peak)} MB`);
    report('its slope', percent(slope), '%/h', `± ${percent(error).toFixed(1)}, standard error`);
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

/** Between two collections memory grows and falls again; the least is what lives. */
function leastOfEachMinute(samples: readonly Sample[]): readonly Sample[] {
  const least = new Map<number, Sample>();
  for (const sample of samples) {
    const minute = Math.floor(sample.ms / MINUTE_MS);
    const former = least.get(minute);
    if (former === undefined || sample.megabytes < former.megabytes) least.set(minute, sample);
  }
  return [...least.values()];
}

/** By least squares, in megabytes a millisecond. */
function lineThrough(samples: readonly Sample[]) {
  const atMs = meanOf(samples.map(({ ms }) => ms));
  const megabytes = meanOf(samples.map((sample) => sample.megabytes));
  const sum = (of: (sample: Sample) => number) =>
    samples.reduce((total, sample) => total + of(sample), 0);
  const spread = sum(({ ms }) => (ms - atMs) ** 2);
  const slope = sum((sample) => (sample.ms - atMs) * (sample.megabytes - megabytes)) / spread;
  const off = sum((sample) => (sample.megabytes - megabytes - slope * (sample.ms - atMs)) ** 2);
  return { slope, error: Math.sqrt(off / (samples.length - 2) / spread) };
}

const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
