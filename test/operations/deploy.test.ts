import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { variableNames } from '../../src/config.js';
import { checkout } from '../support/checkout.js';
import { describeWith } from '../support/describe-with.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { programPath } from '../support/system-programs.js';

const pathOf = (file: string) => join(checkout, 'deploy', file);
const text = (file: string) => readFileSync(pathOf(file), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}
const rules: Rule[] = parseYaml(text('prometheus/rules.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const dashboard = JSON.parse(text('grafana/rollcall.json'));

describe('rules and dashboard', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.stop());

  test('name no metric that a gateway does not expose', async () => {
    const { text: exposed } = await gateway.root.get('/metrics');
    const known = [...exposed.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
    const panels: { targets: { expr: string }[] }[] = dashboard.panels;
    const asked = [
      ...rules.map(({ expr }) => expr),
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ];
    const named = asked.flatMap(
      (expr) => expr.match(/\b(rollcall|nodejs|process)_[a-z0-9_]+/g) ?? [],
    );
    expect(named.length).toBeGreaterThan(20);
    const missing = named.filter(
      (name) => !known.includes(name) && !known.includes(name.replace(/_(count|sum|bucket)$/, '')),
    );
    expect(missing).toEqual([]);
  });

  test.each(rules)('$alert has its section in the runbook', ({ alert, annotations }) => {
    const [file = '', anchor] = annotations.runbook_url.split('#');
    const sections = readFileSync(join(checkout, file), 'utf8').matchAll(/^## (\S+)$/gm);
    expect([...sections].map(([, title = '']) => title)).toContain(alert);
    expect(anchor).toBe(alert.toLowerCase());
  });
});

describeWith(['promtool'], 'Prometheus', () => {
  test('takes rules and configuration', () => {
    const promtool = programPath('promtool');
    const said = execFileSync(promtool, ['check', 'config', pathOf('prometheus/prometheus.yml')]);
    expect(String(said)).toMatch(/SUCCESS: \d+ rules found/);
  });
});

describeWith(['nginx', 'haproxy'], 'the proxies', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await makeFolder();
  });
  afterAll(() => removeFolder(folder));

  /** The names of the gateways are known to Compose alone. */
  const local = (file: string) => text(file).replace(/gateway[01]:3000/g, '127.0.0.1:3000');

  test('nginx takes its configuration', async () => {
    const file = join(folder, 'nginx.conf');
    await writeFile(file, local('proxy/nginx.conf'));
    const settings = `pid ${folder}/pid; error_log stderr;`;
    execFileSync(programPath('nginx'), ['-t', '-p', folder, '-c', file, '-g', settings]);
  });

  test('HAProxy takes its configuration', async () => {
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, local('proxy/haproxy.cfg'));
    execFileSync(programPath('haproxy'), ['-c', '-f', file]);
  });
});

describe('containers', () => {
  const known = variableNames([]);

  test('Compose: two gateways without rights, with variables that they read', () => {
    const { services } = parseYaml(text('compose.yaml'), { merge: true });
    for (const name of ['gateway0', 'gateway1'])
      expect(services[name]).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        user: '65532:65532',
      });
    const variables = Object.keys(services.gateway0.environment);
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('Kubernetes: every pod without rights, every gateway with probes, variables that they read', () => {
    const objects = parseAllDocuments(text('kubernetes/rollcall.yaml')).map((one) => one.toJS());
    const pods = objects.filter(({ kind }) => ['Job', 'Deployment'].includes(kind));
    expect(pods).toHaveLength(3);
    for (const { kind, spec } of pods) {
      const pod = spec.template.spec;
      expect(pod.securityContext.runAsNonRoot).toBe(true);
      const [container] = pod.containers;
      expect(container.securityContext).toMatchObject({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      });
      const names = container.env.map(({ name }: { name: string }) => name);
      expect(names.filter((name: string) => !known.includes(name))).toEqual([]);
      if (kind === 'Job') continue;
      expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
      expect(container.readinessProbe.httpGet.path).toBe('/readyz');
      expect(container.startupProbe.httpGet.path).toBe('/livez');
    }
    const targets = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    const deployments = objects.filter(({ kind }) => kind === 'Deployment');
    expect(targets.map(({ spec }) => spec.scaleTargetRef.name)).toEqual(
      deployments.map(({ metadata }) => metadata.name),
    );
  });
});
