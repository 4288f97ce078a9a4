import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../declared.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { parseColumns } from '../output/columns.js';
import { itemWriter, writeJson } from '../output/writer.js';
import { writeOne } from '../run-route.js';

/** As the gateway tells it. */
export interface Disconnect {
  readonly id: string;
  readonly state: string;
  readonly scheduled_at: string | null;
  readonly summary: {
    readonly total: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly pending: number;
    readonly cancelled: number;
  };
  readonly steps: readonly unknown[];
  readonly has_more_steps: boolean;
}

const STEP_COLUMNS =
  'ref username state outcome verified last_error.code:error attempts account_id';
/** Between two looks, in milliseconds; an unfinished one is looked at ever more seldom. */
const [FIRST_MS, MAX_MS] = [300, 5_000];

const BY_STATE: Readonly<Record<string, ExitCode>> = {
  succeeded: EXIT.done,
  partial: EXIT.partial,
  failed: EXIT.failed,
  cancelled: EXIT.usage,
};

/** Waits until a disconnect has ended, or waits for a person or its time, and tells it. */
export async function follow(
  call: Omit<Call, 'path'>,
  { id }: Pick<Disconnect, 'id'>,
): Promise<ExitCode> {
  const { context } = call;
  const client = await call.client();
  context.onInterrupt = [
    `The disconnect continues at the gateway. \`rollcall disconnects watch ${id}\` returns to it;`,
    `\`rollcall disconnects cancel ${id}\` stops what has not started.`,
  ];
  let former = '';
  for (let wait = FIRST_MS; ; wait = Math.min(MAX_MS, wait * 1.5)) {
    const response = await client.ask(`/v1/disconnects/${encodeURIComponent(id)}`);
    const { data } = (await response.json()) as { data: Disconnect };
    if (data.state !== 'running') return tellDisconnect(call, data);
    const line = progressOf(data);
    if (context.streams.errors.isTTY) context.progress.show(line);
    else if (line !== former && call.settings().format !== 'json') context.say(line);
    former = line;
    await sleep(wait);
  }
}

function progressOf({ id, state, summary }: Disconnect): string {
  const { total, succeeded, failed, cancelled } = summary;
  const done = succeeded + failed;
  const counts = [
    ...(done > 0 || cancelled === 0 ? [`${done} of ${total} done`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0
      ? [done > 0 ? `${cancelled} cancelled` : `${cancelled} of ${total} cancelled`]
      : []),
  ];
  return `${id} ${state}: ${counts.join(', ')}`;
}

/**
 * Writes what a cancellation left of a disconnect. That steps were cancelled is what was asked for
 * here; elsewhere it is a person's no.
 */
export async function tellCancelled(call: Omit<Call, 'path'>, data: Disconnect): Promise<ExitCode> {
  const code = await tellDisconnect(call, data);
  const { failed, pending } = data.summary;
  return failed === 0 && pending === 0 ? EXIT.done : code;
}

/** Writes the result for each account, and what to do next. */
export async function tellDisconnect(
  call: Omit<Call, 'path'>,
  data: Disconnect,
): Promise<ExitCode> {
  const { context, options } = call;
  const { streams, terminal } = context;
  context.progress.clear();
  context.onInterrupt = [];
  const settings = call.settings();
  if (settings.format === 'json') {
    if (settings.fields === undefined) await writeJson(streams.output, data, settings.jq);
    else await writeOne(call, data);
  } else {
    const columns = options.columns === undefined ? parseColumns(STEP_COLUMNS) : settings.columns;
    const writer = itemWriter(streams.output, terminal, { ...settings, columns });
    await writer.write(data.steps);
    await writer.end();
    context.say(`${progressOf(data)}.${adviceOn(data)}`);
  }
  return BY_STATE[data.state] ?? EXIT.unfinished;
}

function adviceOn({ id, state, has_more_steps: hasMore, scheduled_at: at }: Disconnect): string {
  const steps = hasMore ? ` \`rollcall disconnects steps ${id} --all\` lists every step.` : '';
  switch (state) {
    case 'awaiting_approval':
      return ` Another key with admin has to approve it: \`rollcall disconnects approve ${id}\`.${steps}`;
    case 'scheduled':
      return ` It starts at ${at}; until then \`rollcall disconnects cancel ${id}\` stops it.${steps}`;
    case 'running':
      return ` \`rollcall disconnects watch ${id}\` waits for its end.${steps}`;
    case 'partial':
    case 'failed':
      return ` \`rollcall disconnects retry ${id}\` tries the failed steps again.${steps}`;
    default:
      return `${steps} \`rollcall disconnects receipt ${id}\` is the proof.`;
  }
}
