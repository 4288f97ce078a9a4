import type { Command } from 'commander';
import type { Rollcall } from '../client/index.js';
import { addConfirmationFlags, confirm, hashOf, idsOf } from './confirm.js';
import type { Context } from './context.js';
import type { Body, Call, RouteCommand } from './declared.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import {
  addAccessFlags,
  addOutputFlags,
  type Options,
  optionOf,
  PAGING,
  valuesOf,
} from './flags.js';
import { writeList } from './lists.js';
import { namesIn } from './output/columns.js';
import { itemWriter, writeDetails, writeJson } from './output/writer.js';
import { outputSettings, requireFields } from './output-settings.js';
import type { Parameter, RouteFacts } from './route-facts.js';
import { ROUTES } from './routes.gen.js';

type Thing = Readonly<Record<string, unknown>>;

/** What the OpenAPI document says about the route of a command. */
export const factsOf = ({ route }: Pick<RouteCommand, 'route'>): RouteFacts => ROUTES[route];
/** The names of the parameters of a path. */
export const placesIn = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

/** The address with its parameters, which may contain anything. */
export function addressOf(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_place, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

/** Gives a command the arguments and flags of its route. */
export function shapeRoute(command: Command, declared: RouteCommand): void {
  const facts = factsOf(declared);
  const { inOrder = [] } = declared;
  const places = placesIn(facts.path);
  for (const name of [...places, ...inOrder]) {
    const isMany = declared.takesMany && name === places.at(-1);
    command.argument(isMany ? `<${name}...>` : `<${name}>`);
  }
  for (const parameter of flagsOf(declared)) command.addOption(optionOf(parameter));
  if (facts.method === 'POST')
    command.option('--idempotency-key <key>', 'repeats an earlier request with this key safely');
  if (declared.follow) command.option('--no-wait', 'do not wait until it has ended');
  if (declared.removes) addConfirmationFlags(command);
  const paging = facts.query.map(({ name }) => name).filter((name) => PAGING.includes(name));
  addAccessFlags(addOutputFlags(command, facts.isList ? paging : undefined));
}

/** The parameters of a route that are flags. */
export function flagsOf(declared: RouteCommand): readonly Parameter[] {
  const { query, body } = factsOf(declared);
  const { inOrder = [], fixed = {}, without = [] } = declared;
  const none = new Set([...PAGING, ...inOrder, ...Object.keys(fixed), ...without]);
  return [...query, ...body].filter(({ name }) => !none.has(name));
}

/** Runs a route for all that was given. */
export async function runRoute(
  context: Context,
  declared: RouteCommand,
  words: readonly (string | readonly string[])[],
  options: Options,
): Promise<ExitCode> {
  const facts = factsOf(declared);
  const places = placesIn(facts.path);
  const last = words[places.length - 1];
  const many = declared.takesMany && Array.isArray(last) ? await idsOf(context, last) : [];
  // What is followed to its end is told as other items than the route's.
  if (typeof options.columns === 'string' && !declared.follow)
    requireFields('--columns', namesIn(options.columns), facts.fields);
  const settings = () => outputSettings(context, options, declared.columns ?? '', facts.fields);
  // Wrong flags are told before anything is asked for.
  settings();
  let made: Promise<Rollcall> | undefined;
  const client = () => {
    made ??= context.client(options);
    return made;
  };
  const callFor = (id: string | undefined): Call => {
    const values = places.map((name, index) => [
      name,
      id !== undefined && index === places.length - 1 ? id : String(words[index]),
    ]);
    return { context, options, path: Object.fromEntries(values), client, settings };
  };
  if (facts.isList) {
    const path = addressOf(facts.path, callFor(undefined).path);
    const query = valuesOf(queryFlags(declared), options);
    await writeList(context, await client(), { path, query }, options, settings());
    return EXIT.done;
  }
  const inOrder = words.slice(places.length).map(String);
  // One by itself is told in full.
  const isOne = Array.isArray(last) && last.length === 1 && last[0] !== '-';
  if (!declared.takesMany || isOne) return runOnce(declared, callFor(many[0]), inOrder);
  return runMany(declared, many.map(callFor), inOrder);
}

const queryFlags = (declared: RouteCommand) => {
  const { query } = factsOf(declared);
  return flagsOf(declared).filter((flag) => query.some(({ name }) => name === flag.name));
};

/** Asks for one thing, and writes all that is told of it. */
async function runOnce(
  declared: RouteCommand,
  call: Call,
  inOrder: readonly string[],
): Promise<ExitCode> {
  const { data, status } = await askFor(declared, call, inOrder);
  const { context, options } = call;
  if (status === 204) context.say('Done.');
  if (data === undefined) return EXIT.done;
  const follow = declared.follow !== undefined && options.wait !== false;
  if (follow) return declared.follow?.(data, call) ?? EXIT.done;
  await writeOne(call, data);
  return status === 202 ? EXIT.unfinished : EXIT.done;
}

/** Writes one resource in the format that was asked for. */
export async function writeOne(call: Omit<Call, 'path'>, data: unknown): Promise<void> {
  const { context } = call;
  const { streams, terminal } = context;
  const settings = call.settings();
  const { format, fields, jq } = settings;
  if (format === 'csv' || format === 'ndjson' || (jq === undefined && call.options.columns)) {
    const writer = itemWriter(streams.output, terminal, settings);
    await writer.write([data]);
    return writer.end();
  }
  if (format !== 'json') return writeDetails(streams.output, terminal, data);
  const { pick } = await import('./output/columns.js');
  return writeJson(streams.output, fields === undefined ? data : pick(data, fields), jq);
}

/** Asks for each in turn and goes on where one fails. */
async function runMany(
  declared: RouteCommand,
  calls: readonly Call[],
  inOrder: readonly string[],
): Promise<ExitCode> {
  const [first] = calls;
  if (first === undefined) return EXIT.done;
  const { context } = first;
  const writer = itemWriter(context.streams.output, context.terminal, first.settings());
  const failures: ExitCode[] = [];
  for (const [index, call] of calls.entries()) {
    context.progress.show(`${index + 1} of ${calls.length} …`);
    try {
      const { data } = await askFor(declared, call, inOrder);
      if (data !== undefined) await writer.write([data]);
    } catch (error) {
      const { tellFailure } = await import('./failure.js');
      const asJson = first.settings().format.endsWith('json');
      failures.push(tellFailure(error, context, asJson));
    }
  }
  context.progress.clear();
  await writer.end();
  const [code = EXIT.done] = failures;
  return failures.length > 0 && failures.length < calls.length ? EXIT.partial : code;
}

async function askFor(
  declared: RouteCommand,
  call: Call,
  inOrder: readonly string[],
): Promise<{ readonly data: Thing | undefined; readonly status: number }> {
  const facts = factsOf(declared);
  const { options, path } = call;
  const names = new Set(facts.body.map(({ name }) => name));
  const bodyFlags = flagsOf(declared).filter(({ name }) => names.has(name));
  const given: Body = {
    ...Object.fromEntries((declared.inOrder ?? []).map((name, index) => [name, inOrder[index]])),
    ...valuesOf(bodyFlags, options),
    ...declared.fixed,
  };
  const body = (await declared.prepare?.(given, call)) ?? given;
  if (declared.removes) {
    const isTold = await agree(declared, call);
    if (isTold) return { data: undefined, status: 200 };
  }
  const client = await call.client();
  const response = await client.ask(addressOf(facts.path, path), {
    method: facts.method,
    query: valuesOf(queryFlags(declared), options),
    ...(facts.body.length > 0 && { body }),
    headers: idempotencyOf(options),
  });
  const text = await response.text();
  const data = text === '' ? undefined : (JSON.parse(text) as { data?: Thing }).data;
  return { data, status: response.status };
}

/** The header of `--idempotency-key`; nothing without the flag. */
export function idempotencyOf({ idempotencyKey }: Options): Record<string, string> {
  return typeof idempotencyKey === 'string' ? { 'Idempotency-Key': idempotencyKey } : {};
}

/** Has a person agree to what goes. @returns whether it was only to be told */
async function agree({ removes }: RouteCommand, call: Call): Promise<boolean> {
  if (removes === undefined) return false;
  const { context, options, path } = call;
  const client = await call.client();
  const response = await client.ask(addressOf(ROUTES[removes.tells].path, path));
  const { data: thing } = (await response.json()) as { data: Thing };
  const effects = await removes.effects(thing, call);
  const count = (await removes.count?.(thing, call)) ?? 1;
  const hash = hashOf([thing.id, thing.created_at, count, options.includeCreated === true]);
  if (options.dryRun !== true) {
    await confirm(context, options, { effects, count, hash, isIrreversible: true });
    return false;
  }
  for (const line of effects) context.say(line);
  await writeOne(call, { type: 'removal_plan', id: thing.id, count, effects, plan_hash: hash });
  return true;
}
