import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { ApiDocument } from '../../src/api/openapi/document.js';
import { securityHeaders } from '../../src/http/security-headers.js';
import type { Reply } from './client.js';

/** What the document says of an operation. Only what tests look at. */
export interface DescribedOperation {
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
  readonly operationId: string;
  readonly description: Json;
  /** @throws Error naming what of the answer is not as described */
  check(place: string, reply: Reply, withBody: boolean): void;
}

type Json = ReturnType<typeof JSON.parse>;

/** What is wrong with a value by the schema that is referred to; `undefined`: nothing. */
type ErrorsOf = (reference: string, value: unknown) => string | undefined;

export interface DescribedOperations {
  readonly all: readonly DescribedOperation[];
  find(method: string, path: string): DescribedOperation | undefined;
}

const known = new WeakMap<ApiDocument, DescribedOperations>();

export function describedOperations(document: ApiDocument): DescribedOperations {
  const operations = known.get(document) ?? read(document);
  known.set(document, operations);
  return operations;
}

function read(document: ApiDocument): DescribedOperations {
  // Most schemas check a few answers of one file: compiling them takes longer than they do. That the
  // document itself is sound has tests of its own.
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    meta: false,
    validateSchema: false,
    inlineRefs: false,
    code: { optimize: false },
  });
  formats.default(ajv);
  ajv.addSchema(close(JSON.parse(JSON.stringify(document))), 'api');
  // Of all operations, as they share the answers to what cannot be done.
  const validators = new Map<string, ValidateFunction>();
  const errorsOf: ErrorsOf = (reference, value) => {
    const check = validators.get(reference) ?? ajv.compile({ $ref: reference });
    validators.set(reference, check);
    return check(value) ? undefined : ajv.errorsText(check.errors);
  };
  const all = Object.entries(document.paths as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, description]) =>
      describe(method, path, description, document, errorsOf),
    ),
  );
  const patterns = all.map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`),
  }));
  return {
    all,
    find: (method, path) => {
      const template = patterns.find(({ pattern }) => pattern.test(path.split('?')[0] ?? ''))
        ?.operation.path;
      return all.find((operation) => operation.path === template && operation.method === method);
    },
  };
}

function describe(
  verb: string,
  path: string,
  description: Json,
  document: ApiDocument,
  errorsOf: ErrorsOf,
): DescribedOperation {
  const pointer = (...steps: string[]) =>
    `api#/${steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
  const follow = (node: Json, ...steps: string[]): [Json, string[]] => {
    if (node?.$ref === undefined) return [node, steps];
    const target = node.$ref.slice(2).split('/');
    return [target.reduce((at: Json, step: string) => at[step], document), target];
  };
  const validate = (place: string, steps: string[], value: unknown) => {
    const errors = errorsOf(pointer(...steps), value);
    if (errors !== undefined)
      throw new Error(
        `${place}: is not as described: ${errors}\n${JSON.stringify(value)?.slice(0, 2000)}`,
      );
  };
  return {
    method: verb.toUpperCase(),
    path,
    operationId: description.operationId,
    description,
    check(place, reply, withBody) {
      const given = description.responses[reply.status];
      if (given === undefined)
        throw new Error(`${place}: the status is not described\n${reply.text.slice(0, 500)}`);
      const [response, at] = follow(given, 'paths', path, verb, 'responses', String(reply.status));
      for (const [name, reference] of Object.entries<Json>(response.headers ?? {})) {
        const [header, steps] = follow(reference, ...at, 'headers', name);
        const value = reply.headers.get(name);
        if (value === null && header.required)
          throw new Error(`${place}: lacks the header ${name}`);
        if (value !== null)
          validate(
            `${place}, ${name}`,
            [...steps, 'schema'],
            header.schema.type === 'integer' ? Number(value) : value,
          );
      }
      const told = new Set(Object.keys(response.headers ?? {}).map((name) => name.toLowerCase()));
      for (const name of reply.headers.keys())
        if (!told.has(name) && !OF_HTTP.has(name))
          throw new Error(`${place}: the header ${name} is not described`);
      if (!withBody) return;
      const type = reply.headers.get('content-type')?.split(';')[0] ?? '';
      if (response.content === undefined) {
        if (reply.text !== '') throw new Error(`${place}: has a body`);
        return;
      }
      if (response.content[type] === undefined)
        throw new Error(`${place}: the content type ${type} is not described`);
      validate(place, [...at, 'content', type, 'schema'], reply.body ?? reply.text);
    },
  };
}

/** Headers that are no matter of an operation's own. */
const OF_HTTP: ReadonlySet<string> = new Set([
  ...Object.keys(securityHeaders()).map((name) => name.toLowerCase()),
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'vary',
  'x-accel-buffering',
]);

/**
 * Answers may gain members in later versions, so the document leaves them open; a test wants to
 * know of each. Examples are left out: nothing is checked by them, and they are most of the text.
 */
function close(node: Json): Json {
  if (Array.isArray(node)) return node.map(close);
  if (typeof node !== 'object' || node === null) return node;
  const closed = Object.fromEntries(
    Object.entries<Json>(node)
      .filter(([key]) => key !== 'example' && key !== 'examples')
      .map(([key, value]) => [key, key === 'properties' ? closeEach(value) : close(value)]),
  );
  const isOpen =
    closed.type === 'object' &&
    closed.properties !== undefined &&
    closed.additionalProperties === undefined;
  return isOpen ? { ...closed, unevaluatedProperties: false } : closed;
}

/** The schemas of members, whatever these are called. */
function closeEach(members: Json): Json {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, close(value)]));
}
