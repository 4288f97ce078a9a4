import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { z } from 'zod';
import { adapters } from '../../adapters/index.gen.js';
import { describeApi } from '../../src/api/openapi/document.js';
import { TAGS } from '../../src/api/tags.js';
import { apiDocument } from '../support/api-document.js';
import { describedOperations } from '../support/described.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

describe('/openapi.json', () => {
  test('is served to anyone, and is what answers are held to', async () => {
    const { status, body } = await gateway.with(undefined).get('/openapi.json');
    expect(status).toBe(200);
    expect(body).toEqual(apiDocument);
  });

  test('is what the build made of the same routes', () => {
    const { routes, endpoints } = gateway.app;
    const described = JSON.stringify(describeApi(routes, endpoints, TAGS));
    expect(JSON.parse(described)).toEqual(apiDocument);
  });

  test('names every operation, once', () => {
    const names = describedOperations(apiDocument).all.map(({ operationId }) => operationId);
    expect(names).toHaveLength(gateway.app.routes.length);
    expect(new Set(names).size).toBe(names.length);
  });

  test('describes every parameter, with `.meta({ description })` in its schema', () => {
    const bare = describedOperations(apiDocument).all.flatMap(({ operationId, description }) =>
      description.parameters
        .filter(
          (parameter: { $ref?: string; description?: string }) =>
            !parameter.$ref && !parameter.description,
        )
        .map(({ name }: { name: string }) => `${operationId} ${name}`),
    );
    expect(bare).toEqual([]);
  });

  test('its examples are valid against their schemas', () => {
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    const document = apiDocument;
    ajv.addSchema(document, 'api');
    const wrong: string[] = [];
    const visit = (node: Record<string, unknown>, steps: readonly string[]) => {
      if ('example' in node && 'schema' in node) {
        const pointer = steps
          .map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
          .join('/');
        const check = ajv.compile({ $ref: `api#/${pointer}/schema` });
        if (!check(node.example))
          wrong.push(
            `${steps.join(' ')}: ${ajv.errorsText(check.errors)} ${JSON.stringify(node.example)}`,
          );
      }
      for (const [key, value] of Object.entries(node)) {
        if (typeof value === 'object' && value !== null)
          visit(value as Record<string, unknown>, [...steps, key]);
      }
    };
    visit(document, []);
    expect(wrong).toEqual([]);
  });
});

describe('every list and every free object has a most', () => {
  test('in the document, in requests as in answers', () => {
    expect(unbounded(apiDocument, [])).toEqual([]);
  });

  test.each(adapters.map((adapter) => ({ adapter, id: adapter.id })))(
    'in the schemas of $id',
    ({ adapter }) => {
      const operations: object = adapter.operations;
      const schemas = Object.values(operations).map(({ response }) => response as z.ZodType);
      for (const schema of [...schemas, adapter.account.schema, adapter.settings]) {
        if (schema === undefined) continue;
        const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
        expect(unbounded(described, [])).toEqual([]);
      }
    },
  );
});

/** Places in JSON Schemas that take any number of items or members. */
function unbounded(node: unknown, place: readonly string[]): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type, maxItems, maxProperties, additionalProperties, propertyNames } = node as Record<
    string,
    ReturnType<typeof JSON.parse>
  >;
  const isList = type === 'array' && maxItems === undefined;
  const isFree =
    typeof additionalProperties === 'object' &&
    propertyNames !== undefined &&
    propertyNames.enum === undefined &&
    maxProperties === undefined;
  return [
    ...(isList || isFree ? [place.join(' ')] : []),
    ...Object.entries(node).flatMap(([name, inner]) => unbounded(inner, [...place, name])),
  ];
}

describe('/docs', () => {
  test('is a page whose every file comes from here, under a policy that allows no other host', async () => {
    const page = await fetch(`${gateway.url}/docs/`);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    const files = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) =>
      String(file),
    );
    expect(files).toHaveLength(4);
    for (const file of files)
      expect([file, (await fetch(gateway.url + file)).status]).toEqual([file, 200]);
  });
});
