import type { ProblemCode } from '../../http/problem.js';
import { problemSchema } from '../../http/problem.schema.js';
import type { Endpoint, Route } from '../../http/route.js';
import { VERSION } from '../../lib/version.js';
import { REQUEST_HEADERS, RESPONSE_HEADERS } from './headers.js';
import { SchemaCollection } from './json-schema.js';
import {
  describeOperation,
  describeProblems,
  expectSchemas,
  type OperationName,
} from './operation.js';

/** An OpenAPI 3.1 document. */
export type ApiDocument = Readonly<Record<string, unknown>>;

/** Endpoints by the tag they stand under, each by its name there. */
type EndpointsByTag = Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;

const DESCRIPTION = `One REST API to list, monitor and disconnect every social account of a company's teams, across all providers.

Authenticate with \`Authorization: Bearer rc_…\`. Responses are JSON in a \`{data}\` envelope; errors are problem details (RFC 9457) with a stable \`code\`.`;

/**
 * The API as OpenAPI 3.1, made of the schemas that validate requests and shape answers.
 * @param endpoints of every component, by tag; operations are named after them
 * @param tags what each tag is about
 */
export function describeApi(
  routes: readonly Route[],
  endpoints: EndpointsByTag,
  tags: Readonly<Record<string, string>>,
): ApiDocument {
  const schemas = new SchemaCollection();
  schemas.expect(problemSchema, 'output');
  for (const { endpoint } of routes) expectSchemas(endpoint, schemas);
  const names = nameOperations(endpoints);
  const shared = new Map<string, { status: number; codes: readonly ProblemCode[]; by: Route[] }>();
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const name = names.get(route.endpoint);
    if (!name) throw new Error(`${route.method} ${route.path} belongs to no component`);
    const operation = describeOperation(route, name, schemas, (status, codes) => {
      const key = [...codes, ...(route.deprecation ? ['deprecated'] : [])].join('.');
      const problem = shared.get(key) ?? { status, codes, by: [] };
      problem.by.push(route);
      shared.set(key, problem);
      return { $ref: `#/components/responses/${key}` };
    });
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation };
  }
  const responses = Object.fromEntries(
    [...shared].map(([key, { status, codes, by }]) => [key, describeProblems(status, codes, by)]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Rollcall',
      version: VERSION,
      description: DESCRIPTION,
    },
    servers: [{ url: '/', description: 'This gateway' }],
    security: [{ key: [] }, { session: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', bearerFormat: 'rc_<id>_<secret>' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-rollcall' },
      },
      schemas: schemas.named,
      responses,
      parameters: Object.fromEntries(
        Object.entries(REQUEST_HEADERS).map(([name, header]) => [
          name,
          { name, in: 'header', required: false, ...header },
        ]),
      ),
      headers: headersIn(JSON.stringify([paths, responses])),
    },
  };
}

/** The headers that are referred to: as always there, as sometimes there, or both. */
function headersIn(text: string): Record<string, object> {
  const both = Object.entries(RESPONSE_HEADERS).flatMap(([name, header]) => [
    [name, { required: true, ...header }] as const,
    [`${name}.optional`, header] as const,
  ]);
  return Object.fromEntries(
    both.filter(([name]) => text.includes(`"#/components/headers/${name}"`)),
  );
}

function nameOperations(endpoints: EndpointsByTag): Map<Endpoint, OperationName> {
  return new Map(
    Object.entries(endpoints).flatMap(([tag, component]) =>
      Object.entries<Endpoint>(component).map(
        ([name, endpoint]) => [endpoint, { tag, name }] as const,
      ),
    ),
  );
}
