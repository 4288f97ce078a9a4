import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { checkout } from '../support/checkout.js';
import { complete } from './observed-account.js';

/**
 * An adapter's fixtures are the JSON files of its `fixtures` folder, told apart by name:
 *
 * - `<operation>.json`, `<operation>.<case>.json`: a question, the request it makes, and what becomes of an answer
 *   `parameters` are the connection's public ones, `headers` those of the answer, and a secret stands in
 *   a request as `{"$secret": "name"}`
 * - `account.json`, `account.<case>.json`: one account on the wire and the canonical account it must become
 * - `fault.<name>.json`: an error answer to a disconnect (where there is none, to another operation), what is read from
 *   it, and the code that it ends with: the adapter's own or that of the HTTP status
 * - `report.json`, `report.<case>.json`: what the provider sends to a hook, the headers that prove it with
 *   the credentials, and the ids of the accounts that it names; `null` where it is about something else
 * - `auth.json`: credentials, and the headers and query that prove with them who asks
 *
 * In the first two `refused` may stand in place of the result: the field for which the answer, or the
 * account, is refused. An account's `degraded` names the fields that cannot be read.
 */
const operationFixture = z.strictObject({
  input: z.record(z.string(), z.unknown()),
  parameters: z.record(z.string(), z.string()).default({}),
  request: z.strictObject({
    method: z.string(),
    path: z.string(),
    query: z.record(z.string(), z.unknown()).optional(),
    headers: z.record(z.string(), z.unknown()).optional(),
    body: z.unknown().optional(),
    form: z.record(z.string(), z.unknown()).optional(),
    address: z.string().optional(),
  }),
  headers: z.record(z.string(), z.string()).default({}),
  status: z.int().min(200).max(299),
  body: z.unknown(),
  output: z.unknown().optional(),
  refused: z.string().optional(),
});

const accountFixture = z.strictObject({
  observedAt: z.iso.datetime().transform((time) => new Date(time)),
  wire: z.record(z.string(), z.unknown()),
  account: z.record(z.string(), z.unknown()).transform(complete).optional(),
  degraded: z.array(z.string()).default([]),
  refused: z.string().optional(),
});

const faultFixture = z.strictObject({
  status: z.int().min(400).max(599),
  body: z.unknown(),
  fault: z.record(z.string(), z.unknown()).nullable(),
  error: z.string(),
});

const authFixture = z.strictObject({
  credentials: z.record(z.string(), z.string()),
  sent: z.strictObject({
    headers: z.record(z.string(), z.string()).default({}),
    query: z.record(z.string(), z.string()).default({}),
  }),
});

const reportFixture = z.strictObject({
  credentials: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  accounts: z.array(z.string()).nullable(),
});

interface Named<Fixture> {
  /** The file's name without `.json`. */
  readonly name: string;
  readonly fixture: Fixture;
}

export const adaptersFolder = pathToFileURL(join(checkout, 'adapters/'));

function read<Schema extends z.ZodType>(
  adapterId: string,
  subject: string,
  schema: Schema,
): readonly Named<z.output<Schema>>[] {
  const folder = new URL(`${adapterId}/fixtures/`, adaptersFolder);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && file.split('.')[0] === subject)
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      fixture: parse(schema, `${adapterId}/fixtures/${file}`),
    }));
}

function parse<Schema extends z.ZodType>(schema: Schema, file: string): z.output<Schema> {
  const fixture = schema.safeParse(JSON.parse(readFileSync(new URL(file, adaptersFolder), 'utf8')));
  if (!fixture.success)
    throw new Error(`adapters/${file} is no fixture: ${z.prettifyError(fixture.error)}`);
  return fixture.data;
}

export const operationFixtures = (adapterId: string, operation: string) =>
  read(adapterId, operation, operationFixture);
export const accountFixtures = (adapterId: string) => read(adapterId, 'account', accountFixture);
export const authFixtures = (adapterId: string) => read(adapterId, 'auth', authFixture);
export const reportFixtures = (adapterId: string) => read(adapterId, 'report', reportFixture);
export const faultFixtures = (adapterId: string) => read(adapterId, 'fault', faultFixture);

/** What the names of an adapter's fixtures begin with: operations, `account`, `fault`. */
export function fixtureSubjects(adapterId: string): ReadonlySet<string> {
  return new Set(
    readdirSync(new URL(`${adapterId}/fixtures/`, adaptersFolder)).map(
      (file) => file.split('.')[0] ?? file,
    ),
  );
}
