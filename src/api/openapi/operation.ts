import type { z } from 'zod';
import { CSV_TYPE, csvColumnsOf, lineOf } from '../../http/csv.js';
import type { ProblemCode } from '../../http/problem.js';
import { PROBLEMS } from '../../http/problem.js';
import type { Endpoint, Route } from '../../http/route.js';
import { exampleOf } from './example.js';
import { isConditional, type ResponseHeader, requestHeaders, responseHeaders } from './headers.js';
import { type JsonSchema, type SchemaCollection, withoutUndefined } from './json-schema.js';
import { problemsOf } from './problems.js';

/** The part of an API that an endpoint belongs to, and its name there. */
export interface OperationName {
  readonly tag: string;
  readonly name: string;
}

/** Names to the collection what `describeOperation` will ask of it. */
export function expectSchemas(
  { params, query, body, answers }: Endpoint,
  schemas: SchemaCollection,
): void {
  for (const schema of [params, query]) if (schema) schemas.expect(schema, 'input', 'query');
  if (body) schemas.expect(body, 'input');
  for (const schema of Object.values(answers)) if (schema) schemas.expect(schema, 'output');
}

/**
 * Describes one route.
 * @param problemResponse gives the reference of the answer with one of these codes
 */
export function describeOperation(
  route: Route,
  { tag, name }: OperationName,
  schemas: SchemaCollection,
  problemResponse: (status: number, codes: readonly ProblemCode[]) => object,
): object {
  const { endpoint } = route;
  const media = (schema: z.ZodType, direction: 'input' | 'output') => {
    const described = schemas.describe(schema, direction);
    return { schema: described, example: exampleOf(described, schemas) };
  };
  const columns = csvColumnsOf(endpoint);
  const answers = Object.entries(endpoint.answers).map(([status, schema]) => [
    status,
    {
      description: DESCRIPTIONS[Number(status)] ?? endpoint.summary,
      headers: headersOf([route], Number(status)),
      ...(schema && {
        content: {
          [endpoint.produces ?? 'application/json']: media(schema, 'output'),
          ...(columns && status === '200' && { [CSV_TYPE]: csvOf(columns) }),
        },
      }),
    },
  ]);
  const unchanged = isConditional(route)
    ? [
        [
          '304',
          { description: 'Not modified since the given ETag.', headers: headersOf([route], 304) },
        ],
      ]
    : [];
  const problems = [...problemsOf(route)].map(([status, codes]) => [
    String(status),
    problemResponse(status, codes),
  ]);
  return withoutUndefined({
    operationId: `${tag}.${name}`,
    tags: [tag],
    summary: endpoint.summary,
    description: [endpoint.description, columns && AS_CSV, scopeSentence(route)]
      .filter((text) => text !== undefined)
      .join('\n\n'),
    deprecated: route.deprecation ? true : undefined,
    security: route.scope === 'public' ? [] : undefined,
    parameters: [
      ...parametersOf(endpoint.params, 'path', schemas),
      ...parametersOf(endpoint.query, 'query', schemas),
      ...requestHeaders(route).map((header) => ({ $ref: `#/components/parameters/${header}` })),
    ],
    requestBody: endpoint.body && {
      required: !endpoint.body.safeParse({}).success,
      content: { 'application/json': media(endpoint.body, 'input') },
    },
    responses: Object.fromEntries([...answers, ...unchanged, ...problems]),
  });
}

const AS_CSV =
  'With `Accept: text/csv` the response is the whole list as CSV, from `cursor` on (in feeds: from the given start on), whatever `limit` is, with the same filters and these columns; ' +
  'objects and arrays in them are JSON, and texts that a spreadsheet would interpret as formulas begin with an apostrophe. ' +
  'It is aborted within five seconds after its key was revoked or expired or its session ended, and after 15 minutes: a response without its last chunk is incomplete.';

function csvOf(columns: readonly string[]): object {
  return { schema: { type: 'string' }, example: lineOf(columns) };
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Accepted; the work continues.',
  204: 'Done; the response has no body.',
  503: 'Not ready to serve requests.',
};

function scopeSentence({ scope }: Route): string {
  if (scope === 'public') return 'Requires no key.';
  return scope === 'root' ? 'Requires the root key.' : `Requires the scope \`${scope}\`.`;
}

/**
 * References to the headers of an answer that these routes share. Those that it always has are
 * marked, so that a missing one is a mistake.
 */
function headersOf(routes: readonly Route[], status: number): Record<string, object> {
  const each = routes.map((route) => responseHeaders(route, status));
  const names = new Set(each.flatMap(({ always, maybe }) => [...always, ...maybe]));
  const reference = (name: ResponseHeader) =>
    each.every(({ always }) => always.includes(name)) ? name : `${name}.optional`;
  return Object.fromEntries(
    [...names].map((name) => [name, { $ref: `#/components/headers/${reference(name)}` }]),
  );
}

function parametersOf(
  schema: z.ZodType | undefined,
  place: 'path' | 'query',
  schemas: SchemaCollection,
): object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemas.describe(schema, 'input', 'query');
  return Object.entries(properties).map(([name, { description, ...member }]) =>
    withoutUndefined({
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      description,
      ...serialization(member),
      schema: member,
      example: exampleOf(member, schemas, name),
    }),
  );
}

/** `a,b` for several values; `label[brand]=acme` for members. */
function serialization({ type }: JsonSchema): object {
  if (type === 'array') return { style: 'form', explode: false };
  return type === 'object' ? { style: 'deepObject', explode: true } : {};
}

/** The answer with one of these problem codes. */
export function describeProblems(
  status: number,
  codes: readonly ProblemCode[],
  routes: readonly Route[],
): object {
  const [code] = codes as [ProblemCode];
  const example = {
    type: `urn:rollcall:error:${code.replaceAll('_', '-')}`,
    title: PROBLEMS[code][1],
    status,
    detail: 'What happened and what to do.',
    code,
    instance: '/v1/accounts/acct_1',
    request_id: 'req_01k9z3m8q4v7x2c5n6b8a1s3d4',
  };
  return {
    description: codes.map((each) => PROBLEMS[each][1]).join(', '),
    headers: headersOf(routes, status),
    content: {
      'application/problem+json': {
        schema: {
          $ref: '#/components/schemas/Problem',
          properties: { code: { enum: codes }, status: { const: status } },
        },
        example,
      },
    },
  };
}
