import { adapters } from '../../adapters/index.gen.js';
import { hmac, isSameSignature } from '../../src/lib/hmac.js';
import { credentialsSchemaOf } from '../../src/providers/connection.js';
import { describe, expect } from '../support/jest.js';
import { reportFixtures } from './fixtures.js';
import { withNewKeys } from './json.js';
import { rule, ruleForEach } from './rule.js';

const tools = { now: new Date(0), hmac, isSame: isSameSignature };

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: reports',
  ({ id, adapter }) => {
    const { webhook } = adapter;
    const fixtures = reportFixtures(id);

    rule(
      'has report.json where it declares webhook, and nowhere else',
      'Write fixtures/report.json, a report as the provider sends it, or delete its fixtures.',
      () => {
        expect(fixtures.some(({ name }) => name === 'report')).toBe(webhook !== undefined);
        expect(fixtures.length > 0).toBe(webhook !== undefined);
      },
    );

    ruleForEach(
      fixtures,
      '$name: only the provider can have sent it',
      'Have `webhook.verify` compare the signature with one over the body, by a secret that must ' +
        'be there; `signedBody` does.',
      ({ fixture: { headers, body, credentials } }) => {
        const verify = (report: object, given: Readonly<Record<string, string>> = credentials) =>
          webhook?.verify({ headers, body, ...report }, given, tools);
        expect(credentialsSchemaOf(adapter).safeParse(credentials).success).toBe(true);
        expect(verify({})).toBe(true);
        expect(verify({ body: `${body} ` })).toBe(false);
        expect(verify({ headers: {} })).toBe(false);
        for (const name of Object.keys(headers))
          expect(verify({ headers: { ...headers, [name]: `${headers[name]}0` } })).toBe(false);
        expect(verify({}, {})).toBe(false);
        const others = Object.entries(credentials).map(([name, text]) => [name, `${text}0`]);
        expect(verify({}, Object.fromEntries(others))).toBe(false);
      },
    );

    ruleForEach(
      fixtures,
      '$name: names the accounts that may have changed, and others are passed over',
      "Correct `webhook.accountsIn`, or the fixture's `accounts` where that is wrong.",
      ({ fixture: { body, accounts } }) => {
        expect(webhook?.accountsIn(JSON.parse(body))).toStrictEqual(accounts);
        expect(webhook?.accountsIn(withNewKeys(JSON.parse(body)))).toStrictEqual(accounts);
        for (const other of [undefined, null, '', [], {}, 7])
          expect(webhook?.accountsIn(other)).toBeNull();
      },
    );
  },
);
