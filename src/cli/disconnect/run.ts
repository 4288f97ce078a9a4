import type { Rollcall } from '../../client/index.js';
import { confirm, idsOf } from '../confirm.js';
import type { Body, OwnCall } from '../declared.js';
import { CommandError, EXIT, type ExitCode, usageError } from '../exit-codes.js';
import { parseColumns } from '../output/columns.js';
import { itemWriter, writeJson } from '../output/writer.js';
import { idempotencyOf, writeOne } from '../run-route.js';
import { filterOf, reasonsOf, weakOf } from './flags.js';
import { type Disconnect, follow, tellDisconnect } from './follow.js';
import { isIrreversible, PLAN_COLUMNS, type Plan, planLines } from './plan.js';

/** `rollcall accounts disconnect <id...>` */
export async function disconnectAccounts(call: OwnCall): Promise<ExitCode> {
  return run(call, { account_ids: await idsOf(call.context, call.words) });
}

/** `rollcall profiles disconnect <id>` */
export async function disconnectProfile(call: OwnCall): Promise<ExitCode> {
  const [profile] = call.words;
  return run(call, { profile_id: profile, ...weakOf(call.options) });
}

/** `rollcall disconnects run [id...]`, by ids or by filters. */
export async function runDisconnect(call: OwnCall): Promise<ExitCode> {
  return run(call, await selection(call));
}

/** `rollcall disconnects plan [id...]` */
export async function planDisconnect(call: OwnCall): Promise<ExitCode> {
  const plan = await planOf(await call.client(), await selection(call));
  await tellPlan(call, plan);
  return EXIT.done;
}

async function selection({ context, options, words }: OwnCall): Promise<Body> {
  const filter = filterOf(options);
  const ids = await idsOf(context, words);
  if (ids.length > 0 && filter === undefined) return { account_ids: ids };
  if (ids.length === 0 && filter !== undefined) return { filter: inOneText(filter) };
  throw usageError(
    'Name the accounts either by ids (- reads them from standard input) or by filters such as --username.',
  );
}

/** In a body a filter is as in a query: values with commas between them. */
function inOneText(filter: Readonly<Record<string, unknown>>): Body {
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
}

async function planOf(client: Rollcall, selected: Body): Promise<Plan> {
  const body = { ...selected, dry_run: true };
  const response = await client.ask('/v1/disconnects', { method: 'POST', body });
  return ((await response.json()) as { data: Plan }).data;
}

async function tellPlan(call: OwnCall, plan: Plan): Promise<void> {
  const { context, options } = call;
  const { streams, terminal } = context;
  const settings = call.settings();
  if (settings.format === 'json') {
    if (settings.fields === undefined) return writeJson(streams.output, plan, settings.jq);
    return writeOne(call, plan);
  }
  if (settings.format !== 'table') {
    const columns = options.columns === undefined ? parseColumns(PLAN_COLUMNS) : settings.columns;
    const writer = itemWriter(streams.output, terminal, { ...settings, columns });
    await writer.write(plan.accounts);
    await writer.end();
    return context.say(`Plan hash: ${plan.plan_hash}`);
  }
  const { printable } = await import('../output/visible.js');
  for (const line of planLines(plan, terminal)) streams.output.write(`${printable(line)}\n`);
  streams.output.write(`Plan hash: ${plan.plan_hash}\n`);
}

/** Plans, has a person agree, runs just that plan, and waits for its end. */
async function run(call: OwnCall, selected: Body): Promise<ExitCode> {
  const { context, options } = call;
  const client = await call.client();
  const plan = await planOf(client, selected);
  if (options.dryRun === true) {
    await tellPlan(call, plan);
    return EXIT.done;
  }
  if (plan.totals.total === 0)
    throw new CommandError(EXIT.notFound, 'not_found', 'There is nothing to disconnect.');
  await confirm(context, options, {
    effects: planLines(plan, context.terminal),
    count: plan.totals.total,
    hash: plan.plan_hash,
    isIrreversible: isIrreversible(plan),
  });
  const response = await client.ask('/v1/disconnects', {
    method: 'POST',
    body: { ...selected, ...reasonsOf(options), plan_hash: plan.plan_hash },
    headers: { Prefer: 'respond-async', ...idempotencyOf(options) },
  });
  const { data } = (await response.json()) as { data: Disconnect };
  return options.wait === false ? tellDisconnect(call, data) : follow(call, data);
}
