import { stat } from 'node:fs/promises';
import type { OwnCall } from '../declared.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { parseColumns } from '../output/columns.js';
import { styled } from '../output/terminal.js';
import { printable } from '../output/visible.js';
import { itemWriter, send } from '../output/writer.js';
import type { Access } from '../settings.js';

export const CHECK_FIELDS = ['check', 'result', 'detail'];
/** A clock that is further off makes signatures and times hard to compare. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A key that expires sooner is told of. */
const SOON_DAYS = 14;

interface Check {
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

type Told = Readonly<Record<string, unknown>>;
const ok = (check: string, detail: string): Check => ({ check, result: 'ok', detail });
const warning = (check: string, detail: string): Check => ({ check, result: 'warning', detail });
const failed = (check: string, detail: string): Check => ({ check, result: 'failed', detail });

/** Goes from this computer to the providers, and on as far as it can. */
export async function doctor(call: OwnCall): Promise<ExitCode> {
  const { context } = call;
  const checks: Check[] = [];
  let code: ExitCode = EXIT.done;
  const examine = async (name: string, work: () => Promise<readonly Check[]>) => {
    try {
      checks.push(...(await context.progress.during(`Checking ${name}`, work())));
      return true;
    } catch (error) {
      const { describeFailure } = await import('../failure.js');
      const { exitCode, lines } = describeFailure(error);
      checks.push(failed(name, lines.join(' ').replace(/^Error: /, '')));
      if (code === EXIT.done) code = exitCode;
      return false;
    }
  };
  let access: Access | undefined;
  await examine('settings', async () => {
    access = await context.settings.access(call.options);
    return [ok('settings', await whereFrom(call, access))];
  });
  const { url } = access ?? {};
  if (
    url !== undefined &&
    (await examine('gateway', () => gateway(url))) &&
    (await examine('key', () => key(call)))
  ) {
    await examine('providers', () => providers(call));
    await examine('connections', () => connections(call));
  }
  await tell(call, checks);
  if (code !== EXIT.done) return code;
  return checks.some(({ result }) => result === 'failed') ? EXIT.failed : EXIT.done;
}

async function whereFrom({ context }: OwnCall, access: Access): Promise<string> {
  const { settings, environment } = context;
  const isThere = await stat(settings.credentialsFile).catch(() => undefined);
  const place = environment.ROLLCALL_API_KEY
    ? 'the key is ROLLCALL_API_KEY'
    : isThere
      ? `the key is in ${settings.credentialsFile}, profile ${access.profile}`
      : 'there is no key';
  return `${access.url}; ${place}`;
}

async function gateway(url: string): Promise<readonly Check[]> {
  const began = Date.now();
  const ready = await fetch(`${url}/readyz`);
  const { output } = (await ready.json()) as { output?: string };
  const said = Date.parse(ready.headers.get('date') ?? '');
  const difference = Number.isNaN(said) ? 0 : Math.abs(said - (began + Date.now()) / 2);
  return [
    ready.ok
      ? ok('gateway', 'it answers and is ready')
      : failed('gateway', `it is not ready: ${output ?? `status ${ready.status}`}`),
    difference > MAX_CLOCK_DIFFERENCE_MS
      ? warning('clock', `it differs from the gateway's by ${Math.round(difference / 1_000)} s`)
      : ok('clock', "it agrees with the gateway's"),
  ];
}

async function key(call: OwnCall): Promise<readonly Check[]> {
  const response = await (await call.client()).ask('/v1/whoami');
  const { data } = (await response.json()) as {
    data: {
      team: { name: string };
      key: { name: string; scopes: string[]; expires_at: string | null };
    };
  };
  const { name, scopes, expires_at: until } = data.key;
  const about = `${name} (${scopes.join(', ')}) of the team ${data.team.name}`;
  const days =
    until === null ? Number.POSITIVE_INFINITY : (Date.parse(until) - Date.now()) / DAY_MS;
  return [days < SOON_DAYS ? warning('key', `${about} expires at ${until}`) : ok('key', about)];
}

async function providers(call: OwnCall): Promise<readonly Check[]> {
  const response = await (await call.client()).ask('/v1/providers');
  const { data } = (await response.json()) as { data: { id: string; state: { status: string } }[] };
  const ailing = data.filter(({ state }) => state.status !== 'operational');
  if (ailing.length === 0) return [ok('providers', `all ${data.length} are operational`)];
  return ailing.map(({ id, state }) => warning(`provider ${id}`, `it is ${state.status}`));
}

async function connections(call: OwnCall): Promise<readonly Check[]> {
  const response = await (await call.client()).ask('/v1/connections', { query: { limit: 200 } });
  const { data } = (await response.json()) as { data: Told[] };
  const bad = data.filter(({ state, paused }) => state !== 'active' || paused === true);
  if (bad.length === 0) return [ok('connections', `all ${data.length} work`)];
  return bad.map(({ id, name, state, paused, last_error: error }) => {
    const { message = '' } = (error ?? {}) as { message?: string };
    const what = `${name} (${id})`;
    return state === 'active' && paused === true
      ? warning('connection', `${what} is paused: \`rollcall connections resume ${id}\``)
      : failed(
          'connection',
          `${what} is ${state}: ${message} \`rollcall connections rekey ${id}\``,
        );
  });
}

const SIGNS = { ok: ['✓', 'green'], warning: ['!', 'yellow'], failed: ['✗', 'red'] } as const;

async function tell(call: OwnCall, checks: readonly Check[]): Promise<void> {
  const { streams, terminal } = call.context;
  const settings = call.settings();
  if (settings.format === 'table') {
    for (const { check, result, detail } of checks) {
      const [sign, style] = SIGNS[result];
      await send(
        streams.output,
        `${styled(sign, style, terminal)} ${check}: ${printable(detail)}\n`,
      );
    }
    return;
  }
  const columns = parseColumns(CHECK_FIELDS.join(' '));
  const writer = itemWriter(streams.output, terminal, {
    ...settings,
    ...(call.options.columns === undefined && { columns }),
  });
  await writer.write(checks);
  await writer.end();
}
