import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { AnyRequest, Rollcall } from '../../client/index.js';
import type { OwnCall } from '../declared.js';
import { EXIT, type ExitCode, usageError } from '../exit-codes.js';
import { addAccessFlags, jsonOrText } from '../flags.js';
import { printable } from '../output/visible.js';
import { itemWriter, send, writeJson } from '../output/writer.js';
import { readInput } from '../prompts.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Adds the flags of `rollcall api`. */
export function shapeApi(command: Command): void {
  const collect = (text: string, former: readonly string[] = []) => [...former, text];
  command
    .option(
      '-f, --field <name=text>',
      'a text field: in the query of GET and DELETE, in the body otherwise; makes it a POST without METHOD',
      collect,
    )
    .option(
      '-F, --typed-field <name=value>',
      'the same as JSON (true, 5, null); @FILE is the text of a file, @- standard input',
      collect,
    )
    .option('-H, --header <name:value>', 'another header', collect)
    .option('--input <file>', 'the body; - is standard input; makes it a POST without METHOD')
    .option('--paginate', 'all pages of a list, as one array; makes it a GET')
    .option('--jq <program>', 'the response through a jq program')
    .option('--json', 'errors as problem details')
    .option('-i, --include', 'the status and headers before the body')
    .option('--idempotency-key <key>', 'repeats an earlier request with this key safely');
  addAccessFlags(command);
}

/** `rollcall api [METHOD] PATH` */
export async function runApi(call: OwnCall): Promise<ExitCode> {
  const { context, options, words } = call;
  const { output } = context.streams;
  const { method: named, path } = addressed(words);
  const method = methodOf(named, options);
  const isRead = method === 'GET' || method === 'DELETE';
  if (isRead && options.input !== undefined)
    throw usageError(`A ${method} has no body: give its query as fields (-f) instead of --input.`);
  const fields = await fieldsOf(call);
  const input = await inputOf(call);
  const hasBody = input !== undefined || Object.keys(fields).length > 0;
  const client = await call.client();
  const asked: AnyRequest = {
    method,
    ...(isRead ? { query: fields } : hasBody && { body: input ?? fields }),
    headers: headersOf(call),
  };
  if (options.paginate === true) return paginate(call, client, path, asked);
  const response = await client.ask(path, asked);
  if (options.include === true)
    await send(output, printable(`HTTP ${response.status}\n${headerLines(response)}\n`));
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
  if (isJson) {
    const text = await response.text();
    if (text !== '') await writeJson(output, JSON.parse(text), jqOf(call));
  } else {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? [])
      await send(output, printable(decoder.decode(chunk as Uint8Array, { stream: true })));
  }
  return response.status === 202 ? EXIT.unfinished : EXIT.done;
}

/** The method that was named, or what the flags make of it. */
function methodOf(named: string | undefined, options: OwnCall['options']): string {
  const { input, field, typedField, paginate } = options;
  const hasFields = field !== undefined || typedField !== undefined;
  if (input !== undefined && hasFields)
    throw usageError('--input is the whole body: it goes without -f and -F.');
  if (paginate !== true) return named ?? (hasFields || input !== undefined ? 'POST' : 'GET');
  if (named === undefined || named === 'GET') return 'GET';
  throw usageError(`--paginate reads the pages of a list by GET; a ${named} has none.`);
}

function addressed(words: readonly string[]): { method: string | undefined; path: string } {
  const [first = '', second, ...more] = words;
  const method = second === undefined ? undefined : first.toUpperCase();
  const path = second ?? first;
  if (more.length > 0 || (method !== undefined && !METHODS.includes(method)))
    throw usageError(`Expected [METHOD] PATH, where METHOD is one of ${METHODS.join(', ')}.`);
  if (!path.startsWith('/'))
    throw usageError(`${path} is not a path of the API, such as /v1/accounts.`);
  return { method, path };
}

/** The items of every page, as one array or through one jq program. */
async function paginate(
  call: OwnCall,
  client: Rollcall,
  path: string,
  asked: AnyRequest,
): Promise<ExitCode> {
  const { streams, terminal } = call.context;
  const settings = { format: 'json' as const, jq: jqOf(call), columns: [] };
  const writer = itemWriter(streams.output, terminal, settings);
  let [address, query] = [path, asked.query ?? {}];
  for (let isMore = true; isMore; ) {
    const response = await client.ask(address, { ...asked, query });
    const { data } = (await response.json()) as { data?: unknown };
    if (!Array.isArray(data)) throw usageError(`--paginate: ${path} does not answer with pages.`);
    await writer.write(data);
    const linked = /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    isMore = linked !== undefined;
    if (linked !== undefined) address = `${path.split('?')[0]}${new URL(linked).search}`;
    query = {};
  }
  await writer.end();
  return EXIT.done;
}

const jqOf = ({ options: { jq } }: OwnCall) => (typeof jq === 'string' ? jq : undefined);

/** `labels[brand]=acme` is a member of a member. */
async function fieldsOf({ options, context }: OwnCall): Promise<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  const put = (text: string, read: (value: string) => unknown) => {
    const [, name, member, value = ''] = /^([^=[\]]+)(?:\[([^\]]+)\])?=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw usageError(`${text}: expected name=value.`);
    fields[name] =
      member === undefined
        ? read(value)
        : { ...(fields[name] as object | undefined), [member]: read(value) };
  };
  for (const text of (options.field ?? []) as readonly string[]) put(text, (value) => value);
  for (const text of (options.typedField ?? []) as readonly string[]) {
    const place = /=@(.+)$/s.exec(text)?.[1];
    const read = place === undefined ? undefined : await textAt(place, context);
    put(text, (value) => read ?? jsonOrText(value));
  }
  return fields;
}

async function inputOf({ options, context }: OwnCall): Promise<unknown> {
  if (typeof options.input !== 'string') return undefined;
  const text = await textAt(options.input, context);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`--input ${options.input}: ${(error as Error).message}.`);
  }
}

function textAt(place: string, { streams }: OwnCall['context']): Promise<string> {
  if (place === '-') return readInput(streams);
  return readFile(place, 'utf8').catch((error: Error) => {
    throw usageError(error.message);
  });
}

function headersOf({ options }: OwnCall): Record<string, string> {
  const given = ((options.header ?? []) as readonly string[]).map((text) => {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw usageError(`--header ${text}: expected name:value.`);
    return [name, value] as const;
  });
  const { idempotencyKey } = options;
  return {
    ...Object.fromEntries(given),
    ...(typeof idempotencyKey === 'string' && { 'Idempotency-Key': idempotencyKey }),
  };
}

const headerLines = ({ headers }: Response) =>
  [...headers].map(([name, value]) => `${name}: ${value}\n`).join('');
