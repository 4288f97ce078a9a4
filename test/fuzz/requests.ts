import fc, { type Arbitrary } from 'fast-check';
import type { DescribedOperation } from '../support/described.js';
import type { Values } from './arbitrary.js';

type Json = ReturnType<typeof JSON.parse>;

/** A request to one operation, and whether the document says that it is in order. */
export interface FuzzedRequest {
  readonly operation: DescribedOperation;
  readonly isValid: boolean;
  /** What is wrong with it. */
  readonly flaw: string;
  readonly path: string;
  readonly body: Json;
}

/** Ids that exist, by the path of the operation that may get them. */
export type KnownIds = (operation: DescribedOperation, parameter: string) => readonly string[];

/**
 * Makes requests to an operation out of the document: in order, or with exactly one thing wrong.
 */
export function requestsTo(
  operation: DescribedOperation,
  values: Values,
  known: KnownIds,
  always: Readonly<Record<string, unknown>>,
): Arbitrary<FuzzedRequest> {
  const { description } = operation;
  const parameters: Json[] = description.parameters.filter(({ $ref }: Json) => !$ref);
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  // A cursor is made by the gateway: one made up fits no document.
  const inQuery = parameters.filter(
    (parameter) => parameter.in === 'query' && !['cursor', 'after'].includes(parameter.name),
  );
  const bodySchema = description.requestBody?.content['application/json'].schema;

  const pathValues = fc.record(
    Object.fromEntries(
      inPath.map(({ name }) => [
        name,
        fc.constantFrom(...known(operation, name), 'nothing', 'a/../b?x=1', 'ü', 'acct_x'),
      ]),
    ),
  );
  const requiredKeys: string[] = inQuery.filter(({ required }) => required).map(({ name }) => name);
  const queryShape: Record<string, Arbitrary<unknown>> = Object.fromEntries(
    inQuery.map(({ name, schema }) => [name, values.valid(schema)]),
  );
  const queryValues = fc.record(queryShape, { requiredKeys });
  const bodyValues = bodySchema
    ? values.valid(bodySchema).map((body) => ({ ...(body as object), ...pick(always, bodySchema) }))
    : fc.constant(undefined);
  const valid = fc.record({ path: pathValues, query: queryValues, body: bodyValues });
  const requestOf = (
    { path, query, body }: { path: Json; query: Json; body: Json },
    isValid: boolean,
    flaw: string,
  ): FuzzedRequest => {
    return { operation, isValid, flaw, path: addressOf(operation.path, path, query), body };
  };

  const brokenQueries = inQuery.flatMap(
    ({ name, schema }): Arbitrary<{ name: string; text: string }>[] => {
      const texts = ['\0', 'x'.repeat(5_000), '-1', '1e3', 'true,', '{}', '[]', ' '].filter(
        (text) => !values.isValid(schema, parse(text, schema)) || text === '\0',
      );
      return texts.length === 0 || schema.type === 'object'
        ? []
        : [fc.constantFrom(...texts).map((text) => ({ name, text }))];
    },
  );
  const brokenBodies: Arbitrary<{ name: string; value: unknown }>[] = Object.entries<Json>(
    bodySchema?.properties ?? {},
  ).flatMap(([name, schema]) => {
    const broken = values.broken(schema);
    return broken === undefined ? [] : [broken.map((value) => ({ name, value }))];
  });
  const unknown = fc.constantFrom('unknown', '__proto__x', 'ID', 'constructor');
  return fc.oneof(
    { weight: 6, arbitrary: valid.map((request) => requestOf(request, true, 'none')) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(valid, unknown)
        .map(([request, name]) =>
          requestOf(
            { ...request, query: { ...request.query, [name]: '1' } },
            false,
            `query ${name}`,
          ),
        ),
    },
    ...brokenQueries.map((arbitrary) => ({
      weight: 1,
      arbitrary: fc
        .tuple(valid, arbitrary)
        .map(([request, { name, text }]) =>
          requestOf(
            { ...request, query: { ...request.query, [name]: text } },
            false,
            `query ${name}=${text.slice(0, 20)}`,
          ),
        ),
    })),
    ...(bodySchema
      ? [
          {
            weight: 1,
            arbitrary: fc
              .tuple(valid, unknown)
              .map(([request, name]) =>
                requestOf(
                  { ...request, body: { ...request.body, [name]: 1 } },
                  false,
                  `body ${name}`,
                ),
              ),
          },
          {
            weight: 1,
            arbitrary: fc
              .tuple(valid, fc.constantFrom([], 'text', 7, null))
              .map(([request, body]) => requestOf({ ...request, body }, false, 'body')),
          },
          ...brokenBodies.map((arbitrary) => ({
            weight: 1,
            arbitrary: fc
              .tuple(valid, arbitrary)
              .map(([request, { name, value }]) =>
                requestOf(
                  { ...request, body: { ...request.body, [name]: value } },
                  false,
                  `body ${name}=${JSON.stringify(value).slice(0, 30)}`,
                ),
              ),
          })),
        ]
      : []),
  );
}

function pick(always: Readonly<Record<string, unknown>>, schema: Json): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(always).filter(([name]) => name in (schema.properties ?? {})),
  );
}

/** A query value as the gateway reads its text. */
function parse(text: string, { type }: Json): unknown {
  if (type === 'integer') return /^\d+$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return type === 'array' ? text.split(',') : text;
}

function addressOf(template: string, path: Json, query: Json): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name]),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries<Json>(query)) {
    if (Array.isArray(value)) search.set(name, value.join(','));
    else if (typeof value === 'object')
      for (const [member, text] of Object.entries<Json>(value))
        search.set(`${name}[${member}]`, text);
    else search.set(name, String(value));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}
