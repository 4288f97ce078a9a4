import type { Rollcall } from '../../client/index.js';
import type { Noun, OwnCall } from '../declared.js';
import { EXIT, type ExitCode, usageError } from '../exit-codes.js';
import {
  addAccessFlags,
  addOutputFlags,
  type Options,
  optionOf,
  PAGING,
  valuesOf,
} from '../flags.js';
import { pagesOf } from '../lists.js';
import { parseColumns, pick } from '../output/columns.js';
import { styled } from '../output/terminal.js';
import { itemWriter, send, writeJson } from '../output/writer.js';
import { ROUTES } from '../routes.gen.js';
import { streamEvents } from '../stream.js';

const COLUMNS =
  'id username platform provider health.status:health health.reason:reason health.next_step:next_step health.since:since ref';
const CHANGE =
  'timestamp type account_id data.account.ref data.from.status data.account.health.status data.account.health.reason';
const STATUSES = ['healthy', 'warning', 'unhealthy', 'unknown'] as const;
const NEED_ATTENTION = ['unhealthy', 'warning'];
const MAX_SHOWN = 50;
const FILTERS = ROUTES['accounts.health'].query.filter(({ name }) => !PAGING.includes(name));

type Summary = Readonly<Record<'total' | (typeof STATUSES)[number], number>>;

/** What is told at one moment. */
interface Picture {
  readonly summary: Summary;
  readonly accounts: readonly unknown[];
}

/** Counts over the whole filter, and accounts that need attention unless others are asked for. */
async function look(client: Rollcall, options: Options): Promise<Picture> {
  const filter = valuesOf(FILTERS, options);
  const path = '/v1/accounts/health';
  const response = await client.ask(path, { query: { ...filter, limit: 1 } });
  const { summary } = (await response.json()) as { summary: Summary };
  const most = typeof options.limit === 'number' ? options.limit : MAX_SHOWN;
  const limit = options.all === true ? Number.POSITIVE_INFINITY : most;
  const accounts: unknown[] = [];
  const query = { ...filter, health: filter.health ?? NEED_ATTENTION };
  for await (const { data } of pagesOf(client, path, query, limit)) accounts.push(...data);
  return { summary, accounts };
}

async function tell(call: OwnCall, { summary, accounts }: Picture): Promise<void> {
  const { context, options } = call;
  const { streams, terminal } = context;
  const settings = call.settings();
  if (settings.format === 'json') {
    const told = { summary, accounts };
    const { fields, jq } = settings;
    return writeJson(streams.output, fields === undefined ? told : pick(told, fields), jq);
  }
  const columns = options.columns === undefined ? parseColumns(COLUMNS) : settings.columns;
  if (settings.format === 'table') await send(streams.output, `${lineOf(summary, call)}\n`);
  const writer = itemWriter(streams.output, terminal, { ...settings, columns });
  await writer.write(accounts);
  await writer.end();
}

function lineOf(summary: Summary, { context: { terminal } }: OwnCall): string {
  const { total, healthy, warning, unhealthy, unknown } = summary;
  return [
    styled(`${total} accounts`, 'bold', terminal),
    styled(`${healthy} healthy`, 'green', terminal),
    styled(`${warning} warning`, warning > 0 ? 'yellow' : undefined, terminal),
    styled(`${unhealthy} unhealthy`, unhealthy > 0 ? 'red' : undefined, terminal),
    `${unknown} unknown`,
  ].join('  ');
}

async function health(call: OwnCall): Promise<ExitCode> {
  const { options } = call;
  const failOn = statusesOf(options.failOn);
  const client = await call.client();
  if (options.watch === true) return watch(call, client, failOn);
  const picture = await look(client, options);
  await tell(call, picture);
  return hasSome(picture, failOn) ? EXIT.failed : EXIT.done;
}

type Status = (typeof STATUSES)[number];
const hasSome = ({ summary }: Picture, statuses: readonly Status[]) =>
  statuses.some((status) => summary[status] > 0);

/**
 * Tells again with every change: the whole at a terminal, elsewhere a line for each change; until
 * there is an account to fail on.
 */
async function watch(
  call: OwnCall,
  client: Rollcall,
  failOn: readonly Status[],
): Promise<ExitCode> {
  const { context, options } = call;
  const { isTerminal } = context.terminal;
  const redraw = async () => {
    const picture = await look(client, options);
    if (isTerminal) await send(context.streams.output, '\u001b[H\u001b[2J');
    await tell(call, picture);
    return hasSome(picture, failOn);
  };
  const query = { type: ['account.health_changed', 'account.vanished', 'account.reappeared'] };
  const opened = async () => {
    if (await redraw()) return false;
    context.say('Watching; Ctrl-C ends it.');
    return true;
  };
  const { format, jq } = call.settings();
  const writer = itemWriter(context.streams.output, context.terminal, {
    columns: parseColumns(CHANGE),
    format: format === 'json' ? 'ndjson' : format,
  });
  for await (const { event } of streamEvents(context, client, query, opened)) {
    if (isTerminal) {
      if (await redraw()) break;
      continue;
    }
    if (jq === undefined) await writer.write([event]);
    else await writeJson(context.streams.output, event, jq);
    if (failOn.length > 0 && hasSome(await look(client, options), failOn)) break;
  }
  return EXIT.failed;
}

function statusesOf(text: unknown): readonly Status[] {
  if (typeof text !== 'string') return [];
  return text.split(',').map((word) => {
    const known = STATUSES.find((status) => status === word);
    if (known === undefined)
      throw usageError(`--fail-on ${text}: expected some of ${STATUSES.join(', ')}.`);
    return known;
  });
}

export const nouns: readonly Noun[] = [
  {
    name: 'health',
    commands: [
      {
        verb: 'health',
        summary: 'how many accounts are healthy, and which need attention',
        routes: ['accounts.health'],
        fields: ['summary', 'accounts'],
        examples: [
          'health',
          'health --provider octopost --json summary',
          'health --platform instagram --fail-on unhealthy || echo "some need attention"',
        ],
        shape: (command) => {
          for (const parameter of FILTERS) command.addOption(optionOf(parameter));
          command
            .option('--watch', 'print again after every change, until Ctrl-C')
            .option(
              '--fail-on <statuses>',
              'exit with 1 if an account has one of these statuses (with --watch: as soon as one has): unhealthy,warning',
            );
          addAccessFlags(addOutputFlags(command, []));
        },
        run: health,
      },
    ],
  },
];
