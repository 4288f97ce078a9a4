import fc from 'fast-check';
import type { Client, Reply } from '../support/client.js';
import type { DescribedOperation, DescribedOperations } from '../support/described.js';
import type { Gateway } from '../support/gateway.js';
import type { Values } from './arbitrary.js';
import type { Ids } from './journey.js';

/**
 * Requests that are refused for what surrounds their values: the method, the key, the text of the
 * body.
 */
export interface Misuse {
  readonly operation: DescribedOperation;
  readonly flaw: string;
  /** Sends it; answers with each reply and with what is wrong with them, if anything is. */
  run(): Promise<{ replies: readonly Reply[]; finding: string | undefined }>;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
const JSON_TYPE = { 'Content-Type': 'application/json' };
const MADE_UP = '01k9z3m8q4v7x2c5n6b8a1s3d4';
const MALFORMED = [
  '{',
  '{"name":',
  '{"name":"x",}',
  "{'name':'x'}",
  '{"name":NaN}',
  '[1,',
  '"\\ud8',
  'x',
  '{"a":"\u0000"}',
  '['.repeat(100_000),
];

const fill = ({ path }: { readonly path: string }, id = 'nothing') => path.replace(/\{\w+\}/g, id);

/** Every method that a path does not have: 405, with those that it has. */
export function wrongMethods({ all }: DescribedOperations, client: Client): Misuse[] {
  const firsts = all.filter(
    ({ path }, index) => all.findIndex((each) => each.path === path) === index,
  );
  return firsts.flatMap((operation) => {
    const taken = all.filter(({ path }) => path === operation.path).map(({ method }) => method);
    return METHODS.filter((method) => !taken.includes(method)).map((method) =>
      refused(
        operation,
        `the method ${method}`,
        client,
        method,
        fill(operation),
        undefined,
        ({ status, headers }) => {
          const allowed = headers.get('allow')?.split(', ') ?? [];
          return (
            status === 405 &&
            taken.every((each) => allowed.includes(each)) &&
            !allowed.includes(method)
          );
        },
      ),
    );
  });
}

/** Without a key, and with keys that are none: 401, whatever is asked for. */
export function missingKeys(
  operations: readonly DescribedOperation[],
  gateway: Gateway,
  ids: Ids,
): Misuse[] {
  const keys = [undefined, 'nothing', `rc_${MADE_UP}_${'0'.repeat(36)}`];
  return operations.flatMap((operation) =>
    keys.map((key) => {
      const path = fill(operation, ids[resourceOf(operation)]?.[0]);
      return refused(
        operation,
        `the key ${key}`,
        gateway.with(key),
        operation.method,
        path,
        undefined,
        ({ status }) => status === 401,
      );
    }),
  );
}

/** Another team's key with ids of this team: refused as ids that nobody has are, word for word. */
export function foreignKeys(
  operations: readonly DescribedOperation[],
  stranger: Client,
  values: Values,
  ids: Ids,
  seed: number,
): Misuse[] {
  return operations
    .filter(({ path }) => path.includes('{id}'))
    .flatMap((operation) => {
      const schema = operation.description.requestBody?.content['application/json'].schema;
      // Only root may name an address.
      const bodies = schema
        ? fc
            .sample(values.valid(schema), { numRuns: 3, seed })
            .map((body) => ({ ...Object(body), base_url: undefined }))
        : [{}];
      return bodies.flatMap((body) =>
        (ids[resourceOf(operation)] ?? []).slice(0, 3).map((id) => {
          const text = schema && JSON.stringify(body);
          const madeUp = id.replace(/_.*/, `_${MADE_UP}`);
          return indistinct(operation, stranger, id, madeUp, (each) => [
            fill(operation, each),
            text,
          ]);
        }),
      );
    });
}

/** Another team's key with ids of this team in the body. */
export function foreignBodies(
  { find }: DescribedOperations,
  stranger: Client,
  { connections = [], accounts = [] }: Ids,
): Misuse[] {
  const flow = { platform: 'instagram', redirect_url: 'https://nobody.invalid/' };
  const bodies: [string, string | undefined, (id: string) => object][] = [
    [
      '/v1/accounts',
      connections[0],
      (id) => ({ connection_id: id, platform: 'instagram', username: 'x' }),
    ],
    ['/v1/connect', connections[0], (id) => ({ connection_id: id, ...flow })],
    ['/v1/disconnects', accounts[0], (id) => ({ account_ids: [id] })],
    ['/v1/disconnects', accounts[0], (id) => ({ account_ids: [id], dry_run: true })],
  ];
  return bodies.flatMap(([path, id, bodyOf]) => {
    const operation = find('POST', path);
    if (operation === undefined || id === undefined) return [];
    return [
      indistinct(operation, stranger, id, id.replace(/_.*/, `_${MADE_UP}`), (each) => [
        path,
        JSON.stringify(bodyOf(each)),
      ]),
    ];
  });
}

/**
 * Bodies that are no JSON, or more deeply nested than any is: 400; as soon as they are JSON, 422.
 */
export function malformedBodies(
  operations: readonly DescribedOperation[],
  client: Client,
): Misuse[] {
  const deep = `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  const texts: [string, number[]][] = [
    ...MALFORMED.map((text): [string, number[]] => [text, [400]]),
    [deep, [400, 422]],
  ];
  return operations
    .filter(({ description }) => description.requestBody)
    .flatMap((operation) =>
      texts.map(([text, statuses]) =>
        refused(
          operation,
          `the text ${text.slice(0, 20)}`,
          client,
          operation.method,
          fill(operation),
          text,
          ({ status }) => statuses.includes(status),
        ),
      ),
    );
}

function refused(
  operation: DescribedOperation,
  flaw: string,
  client: Client,
  method: string,
  path: string,
  text: string | undefined,
  isRight: (reply: Reply) => boolean,
): Misuse {
  const run = async () => {
    const reply = await client.send(method, path, text, text === undefined ? {} : JSON_TYPE);
    return {
      replies: [reply],
      finding: isRight(reply)
        ? undefined
        : `${method} ${path} → ${reply.status} ${reply.text.slice(0, 300)}`,
    };
  };
  return { operation, flaw, run };
}

function indistinct(
  operation: DescribedOperation,
  stranger: Client,
  id: string,
  madeUp: string,
  requestOf: (id: string) => [path: string, text: string | undefined],
): Misuse {
  const ask = (each: string) => {
    const [path, text] = requestOf(each);
    return stranger.send(operation.method, path, text, text === undefined ? {} : JSON_TYPE);
  };
  const told = ({ status, body }: Reply, each: string) =>
    JSON.stringify([status, body.code, body.detail, body.errors]).replaceAll(each, '{id}');
  const run = async () => {
    const replies = [await ask(id), await ask(madeUp)] as const;
    const [real, nobodys] = [told(replies[0], id), told(replies[1], madeUp)];
    // Teams are root's alone: no other key gets as far as to look.
    const isHidden =
      replies[0].status === (operation.path.startsWith('/v1/teams') ? 403 : 404) ||
      !operation.path.includes('{id}');
    const isRight = replies[0].status >= 400 && isHidden && real === nobodys;
    return {
      replies,
      finding: isRight
        ? undefined
        : `${operation.method} ${operation.path}: ${real} and, made up, ${nobodys}`,
    };
  };
  return { operation, flaw: `an id of another team, ${id}`, run };
}

function resourceOf({ path }: DescribedOperation): string {
  return path.split('/')[2] ?? '';
}
