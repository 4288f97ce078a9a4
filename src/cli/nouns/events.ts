import type { Noun, OwnCall } from '../declared.js';
import { EXIT } from '../exit-codes.js';
import { addAccessFlags, addOutputFlags, numberOf, optionOf, valuesOf } from '../flags.js';
import { parseColumns, pick } from '../output/columns.js';
import { visibleJson } from '../output/visible.js';
import { itemWriter, send } from '../output/writer.js';
import { ROUTES } from '../routes.gen.js';
import { streamEvents } from '../stream.js';

const COLUMNS = 'id timestamp type account_id';
const { query: STREAM } = ROUTES['events.stream'];
const { fields: FIELDS } = ROUTES['events.list'];

/** Writes events as they come: a line each, JSON where it was asked for. */
async function tail(call: OwnCall) {
  const { context, options } = call;
  const { streams, terminal } = context;
  const settings = call.settings();
  const most = typeof options.limit === 'number' ? options.limit : Number.POSITIVE_INFINITY;
  const writer = itemWriter(streams.output, terminal, {
    ...settings,
    ...(options.columns === undefined && { columns: parseColumns(COLUMNS) }),
  });
  let count = 0;
  const opened = async () => {
    context.say('Listening; Ctrl-C ends it.');
    return true;
  };
  const query = valuesOf(STREAM, options);
  for await (const { event } of streamEvents(context, await call.client(), query, opened)) {
    count += 1;
    if (settings.jq !== undefined) await filtered(call, event, settings.jq);
    else if (settings.format === 'json') {
      const told = settings.fields === undefined ? event : pick(event, settings.fields);
      await send(streams.output, `${visibleJson(told)}\n`);
    } else await writer.write([event]);
    if (count >= most) break;
  }
  return EXIT.done;
}

async function filtered({ context }: OwnCall, event: unknown, program: string): Promise<void> {
  const { writeJson } = await import('../output/writer.js');
  await writeJson(context.streams.output, event, program);
}

export const nouns: readonly Noun[] = [
  {
    name: 'events',
    commands: [
      {
        verb: 'list',
        route: 'events.list',
        columns: COLUMNS,
        examples: [
          'events list --type account.discovered --limit 3',
          'events list --order-direction desc --limit 3',
        ],
      },
      {
        verb: 'tail',
        summary: 'print events as they happen, until Ctrl-C',
        routes: ['events.stream'],
        fields: FIELDS,
        examples: ['events tail --type account.updated --limit 1 --json'],
        shape: (command) => {
          for (const parameter of STREAM) command.addOption(optionOf(parameter));
          command.option('--limit <number>', 'end after this many', (text) =>
            numberOf('--limit', text),
          );
          addAccessFlags(addOutputFlags(command));
        },
        run: tail,
      },
      {
        verb: 'health-changes',
        route: 'health.changes',
        columns: 'id at ref from to reason fault account_id',
        examples: ['events health-changes --limit 5'],
      },
      {
        verb: 'health-levels',
        route: 'health.levels',
        examples: ['events health-levels --step day --json'],
      },
    ],
  },
];
