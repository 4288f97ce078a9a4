import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { variableNames } from '../../src/config.js';
import { checkout } from '../support/checkout.js';
import { describe, expect, test } from '../support/jest.js';

const deploy = join(checkout, 'deploy');
const text = (file: string) => readFileSync(join(deploy, file), 'utf8');
const load = createRequire(import.meta.url);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

describe('the manifests', () => {
  const objects: Manifest[] = parseAllDocuments(text('kubernetes/rollcall.yaml')).map((one) =>
    one.toJS(),
  );
  // The others are the Prometheus operator's.
  const own = objects.filter(({ apiVersion }) => !apiVersion.startsWith('monitoring.'));

  test.each(own)('$kind $metadata.name fits the schema of Kubernetes', (manifest) => {
    const { [manifest.kind]: Model } = load(
      `kubernetes-models/${manifest.apiVersion}/${manifest.kind}`,
    );
    expect(() => new Model(manifest).validate()).not.toThrow();
    expect(() => new Model({ ...manifest, metadata: { name: 1 } }).validate()).toThrow();
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

describe('the Helm chart', () => {
  const schema: Schema = JSON.parse(text('helm/values.schema.json'));
  const values = parseYaml(text('helm/values.yaml'));
  const fits = new Ajv({ strict: false }).compile(schema);
  const templates = readdirSync(join(deploy, 'helm/templates'), { recursive: true })
    .map((file) => join('helm/templates', String(file)))
    .filter((file) => /\.(yaml|tpl|txt)$/.test(file))
    .map(text)
    .join('\n');
  /** `$own` stands for the values of each role. */
  const named = [...templates.matchAll(/(\.Values|\$own)\.([A-Za-z.]+)/g)].flatMap(
    ([, from, path = '']) => (from === '$own' ? [`api.${path}`, `worker.${path}`] : [path]),
  );

  test('its values fit the schema, and values that it does not know are refused', () => {
    expect(fits(values)).toBe(true);
    for (const wrong of [
      { ...values, replicas: 2 },
      { ...values, existingSecret: '' },
      { ...values, image: { ...values.image, digest: 'latest' } },
      { ...values, settings: { ROLLCALL_SECRET: 'in clear' } },
    ])
      expect(fits(wrong)).toBe(false);
  });

  test('its templates name values that there are', () => {
    expect(named.length).toBeGreaterThan(20);
    const isThere = (path: string) =>
      path.split('.').reduce<Schema | undefined>((at, name) => at?.properties?.[name], schema) !==
      undefined;
    const ofOneRole = ['worker.targetCpuPercent', 'api.targetDueSeconds'];
    expect(named.filter((path) => !isThere(path) && !ofOneRole.includes(path))).toEqual([]);
  });

  test('it has no value that no template names', () => {
    const leaves = Object.entries(schema.properties ?? {})
      .filter(([name]) => name !== 'global')
      .flatMap(([name, { properties }]) =>
        properties === undefined ? [name] : Object.keys(properties).map((own) => `${name}.${own}`),
      );
    const isNamed = (leaf: string) =>
      named.some((path) => path === leaf || path.startsWith(`${leaf}.`));
    expect(leaves.filter((leaf) => !isNamed(leaf))).toEqual([]);
  });

  test('it sets variables that gateways read, and runs commands that there are', () => {
    const known = variableNames([]);
    const set = [...templates.matchAll(/name: ([A-Z][A-Z_]+)\b/g)].map(([, name = '']) => name);
    const all = [...set, ...Object.keys(values.settings)];
    expect(all).toEqual(expect.arrayContaining(['ROLE', 'MIGRATE_ON_START', 'DATABASE_URL']));
    expect(all.filter((name) => !known.includes(name))).toEqual([]);
    expect(templates).toContain('command: [node, src/setup/rollcall.mjs, migrate]');
  });
});
