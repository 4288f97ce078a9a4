import { setTimeout as sleep } from 'node:timers/promises';
import { askForCredentials } from '../credentials.js';
import type { Call, Noun } from '../declared.js';
import { counted } from '../disconnect/plan.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { addressOf, writeOne } from '../run-route.js';

const CONNECTION = 'id provider name state paused swept_at next_sweep_at source';
const SWEEP =
  'id state seen added changed vanished quarantined error.code:error started_at finished_at';
/** Between two looks at a sweep, in milliseconds. */
const LOOK_MS = 1_000;

/** Waits until a sweep has ended. */
async function followSweep(
  { id, connection_id: connection }: Readonly<Record<string, unknown>>,
  call: Call,
): Promise<ExitCode> {
  const { context } = call;
  const client = await call.client();
  const path = addressOf('/v1/connections/{id}/sweeps', { id: String(connection) });
  context.onInterrupt = [
    `The sweep continues. \`rollcall sweeps list ${connection}\` shows how it ended.`,
  ];
  for (;;) {
    const response = await client.ask(path, { query: { limit: 20 } });
    const { data } = (await response.json()) as { data: Readonly<Record<string, unknown>>[] };
    const sweep = data.find((each) => each.id === id);
    const state = String(sweep?.state ?? 'queued');
    if (state !== 'queued' && state !== 'running') {
      context.progress.clear();
      await writeOne(call, sweep);
      if (state === 'succeeded') return EXIT.done;
      return state === 'held' ? EXIT.partial : EXIT.failed;
    }
    context.progress.show(`Sweep ${id}: ${state}, ${sweep?.seen ?? 0} seen …`);
    await sleep(LOOK_MS);
  }
}

/** How many accounts go with a connection. */
async function accountsOf(id: unknown, call: Call): Promise<number> {
  const client = await call.client();
  const query = { connection_id: [String(id)], limit: 1, include_total: true };
  const response = await client.ask('/v1/accounts', { query });
  const { pagination } = (await response.json()) as { pagination: { total_count: number } };
  return pagination.total_count;
}

export const nouns: readonly Noun[] = [
  {
    name: 'providers',
    commands: [
      {
        verb: 'list',
        route: 'providers.list',
        columns: 'id name state.status:status role state.since:since platforms',
        examples: ['providers list', 'providers list --json id,state.status'],
      },
      { verb: 'get', route: 'providers.get', examples: ['providers get octopost'] },
    ],
  },
  {
    name: 'connections',
    commands: [
      {
        verb: 'list',
        route: 'connections.list',
        columns: CONNECTION,
        examples: ['connections list', 'connections list --jq ".[] | select(.paused) | .id"'],
      },
      {
        verb: 'get',
        route: 'connections.get',
        columns: CONNECTION,
        takesMany: true,
        examples: ['connections get CONNECTION'],
      },
      {
        verb: 'add',
        route: 'connections.create',
        summary:
          'add a connection; its credentials are typed without echo or read from standard input',
        inOrder: ['provider'],
        prepare: (body, call) => askForCredentials(body, body.provider, call),
        examples: ['connections add octopost --name cli < octopost-key.txt'],
      },
      {
        verb: 'update',
        route: 'connections.change',
        without: ['credentials', 'paused'],
        examples: ['connections update CONNECTION --sweep-interval-seconds 600'],
      },
      {
        verb: 'rekey',
        route: 'connections.change',
        summary:
          'replace the credentials of a connection, typed without echo or read from standard input',
        without: ['name', 'sweep_interval_seconds', 'paused'],
        prepare: async (body, call) => {
          const client = await call.client();
          const response = await client.ask(addressOf('/v1/connections/{id}', call.path));
          const { data } = (await response.json()) as { data: { provider: string } };
          return askForCredentials(body, data.provider, call);
        },
        examples: ['connections rekey CONNECTION < octopost-key.txt'],
      },
      {
        verb: 'pause',
        route: 'connections.change',
        summary: 'pause a connection: its provider is not called',
        columns: CONNECTION,
        takesMany: true,
        fixed: { paused: true },
        without: ['name', 'credentials', 'sweep_interval_seconds', 'base_url', 'verify'],
        examples: ['connections pause CONNECTION'],
      },
      {
        verb: 'resume',
        route: 'connections.change',
        summary: 'resume a paused connection',
        columns: CONNECTION,
        takesMany: true,
        fixed: { paused: false },
        without: ['name', 'credentials', 'sweep_interval_seconds', 'base_url', 'verify'],
        examples: ['connections resume CONNECTION'],
      },
      {
        verb: 'sweep',
        route: 'sweeps.start',
        examples: ['connections sweep CONNECTION'],
        follow: followSweep,
      },
      {
        verb: 'remove',
        route: 'connections.delete',
        summary: 'delete a connection and its accounts; nothing is disconnected at the provider',
        examples: ['connections remove CONNECTION --dry-run'],
        removes: {
          tells: 'connections.get',
          effects: async ({ id, name, provider }, call) => [
            `Deletes the connection ${name} at ${provider} and its ${counted(await accountsOf(id, call))} here, with their history.`,
            'Nothing is disconnected at the provider.',
          ],
          count: async ({ id }, call) => Math.max(1, await accountsOf(id, call)),
        },
      },
    ],
  },
  {
    name: 'sweeps',
    commands: [
      {
        verb: 'list',
        route: 'sweeps.history',
        columns: SWEEP,
        examples: ['sweeps list CONNECTION --limit 5'],
      },
      {
        verb: 'start',
        route: 'sweeps.start',
        examples: ['sweeps start CONNECTION --no-wait'],
        follow: followSweep,
      },
    ],
  },
  {
    name: 'connect',
    commands: [
      {
        verb: 'start',
        route: 'connect.start',
        examples: [
          'connect start --provider socialsyncer --platform instagram --redirect-url https://app.example.com/done',
        ],
      },
      {
        verb: 'complete',
        route: 'connect.complete',
        examples: ['connect complete --state STATE --code CODE'],
      },
    ],
  },
];
