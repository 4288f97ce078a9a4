import { createHash } from 'node:crypto';
import pg from 'pg';
import type { App } from '../../src/app.js';
import { verifyAudit } from '../../src/cli/verify-audit.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import { openApi } from '../support/api-document.js';
import { createApp } from '../support/app.js';
import { type Gateway, SECRET, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
/** The owner of the tables, as an attacker who got hold of the database. */
let owner: pg.Client;
beforeAll(async () => {
  gateway = await startGateway();
  owner = new pg.Client(gateway.owner);
  await owner.connect();
});
afterAll(async () => {
  await owner?.end();
  await gateway?.stop();
});

/** Every test has the log whole before it, and puts back what it does to it. */
beforeEach(async () => {
  await write(3);
  await seal(gateway.app);
});

async function write(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1)
    await gateway.root.post('/v1/keys', { name: `made ${time}`, scopes: ['read'] });
}

async function seal(app: App): Promise<void> {
  expect(await app.recurringJobs.runNamed('audit.seal')).toBe(true);
}

async function verify(...notes: string[]): Promise<{ exitCode: number; said: string }> {
  const { host = '', user, database } = gateway.connection;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  const settings = {
    databaseUrl,
    dataDir: '',
    migrateUrl: undefined,
    secret: SECRET,
    previousSecrets: [],
  };
  const { exitCode, lines } = await verifyAudit(settings, notes);
  return { exitCode, said: lines.join('\n') };
}

async function endOfChain(): Promise<string> {
  return /noted elsewhere: (\S+)/.exec((await verify()).said)?.[1] ?? '';
}

/** Does what the triggers refuse, checks what comes of it, and undoes it. */
async function tampered(statements: string, noted: readonly string[] = []) {
  const copies = ['audit_events', 'audit_chain', 'audit_unsealed', 'audit_head'];
  for (const table of copies) await owner.query(`CREATE TABLE copy_of_${table} AS TABLE ${table}`);
  await owner.query(`ALTER TABLE audit_events DISABLE TRIGGER USER;
    ALTER TABLE audit_chain DISABLE TRIGGER USER`);
  try {
    await owner.query(statements);
    return await verify(...noted);
  } finally {
    for (const table of copies)
      await owner.query(
        `DELETE FROM ${table}; INSERT INTO ${table} TABLE copy_of_${table}; DROP TABLE copy_of_${table}`,
      );
    await owner.query(`ALTER TABLE audit_events ENABLE TRIGGER audit_events_await_seal;
      ALTER TABLE audit_events ENABLE ALWAYS TRIGGER audit_events_append_only;
      ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_chain_append_only`);
    expect(await verify()).toMatchObject({ exitCode: 0 });
  }
}

const LAST = '(SELECT max(position) FROM audit_chain)';
const LAST_EVENT = `(SELECT event_id FROM audit_chain WHERE position = ${LAST})`;

describe('npm run verify-audit', () => {
  test('counts the entries, and says which are not sealed yet', async () => {
    const { rows } = await owner.query('SELECT count(*)::int AS entries FROM audit_events');
    expect((await verify()).said).toMatch(
      new RegExp(`^Verified: ${rows[0].entries} audit entries .+\\nNo entry waits`),
    );
    await write(2);
    expect(await verify()).toMatchObject({
      exitCode: 0,
      said: expect.stringMatching(/\n2 entries wait to be sealed, the oldest since 20\S+Z/),
    });
  });

  test.each([
    [
      'changed',
      `UPDATE audit_events SET key_name = 'another' WHERE id = ${LAST_EVENT}`,
      'is not as it was sealed',
    ],
    [
      'dated otherwise',
      `UPDATE audit_events SET at = at + interval '1 ms' WHERE id = ${LAST_EVENT}`,
      'is not as it was sealed',
    ],
    ['deleted', `DELETE FROM audit_events WHERE id = ${LAST_EVENT}`, 'was deleted'],
    [
      'deleted with its link',
      `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_chain WHERE position = 2);
      DELETE FROM audit_chain WHERE position = 2`,
      'Positions 2 to 2 of the chain are missing',
    ],
    [
      'put in',
      `INSERT INTO audit_events SELECT 'aud_forged', team_id, key_id, key_name, request_id, action, target_type,
      target_id, before, after, reason, at FROM audit_events LIMIT 1`,
      'Entry aud_forged is neither sealed nor waiting',
    ],
    [
      'deleted before it is sealed',
      `INSERT INTO audit_unsealed VALUES ('aud_gone')`,
      'aud_gone was deleted before it was sealed',
    ],
  ])('tells that an entry was %s', async (_how, statements, fault) => {
    expect(await tampered(statements)).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(fault),
    });
  });

  test('tells a chain that was built anew, as only the secret can sign its end', async () => {
    const { rows } = await owner.query<{ text: string; event_id: string }>(
      `SELECT c.event_id, jsonb_build_array(e.id, e.team_id, e.key_id, 'another', e.request_id, e.action,
         e.target_type, e.target_id, e.before, e.after, e.reason,
         to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text AS text
       FROM audit_chain c JOIN audit_events e ON e.id = c.event_id ORDER BY c.position`,
    );
    let hash = Buffer.alloc(32);
    const forged = rows.map(({ text }, at) => {
      hash = createHash('sha256').update(hash).update(text).digest();
      return `UPDATE audit_chain SET hash = '\\x${hash.toString('hex')}' WHERE position = ${at + 1};`;
    });
    const head = `UPDATE audit_head SET hash = '\\x${hash.toString('hex')}';`;
    const { exitCode, said } = await tampered(
      `UPDATE audit_events SET key_name = 'another'; ${forged.join('')} ${head}`,
    );
    expect({ exitCode, said: said.split('\n').slice(1) }).toStrictEqual({
      exitCode: 1,
      said: ['The end of the chain is not signed with a key of this gateway.'],
    });
  });

  test('tells that the end was cut off, also with an end that was signed before', async () => {
    const { rows } = await owner.query(
      `SELECT encode(hash, 'hex') AS hash, position, at::text, signature FROM audit_head`,
    );
    const [former] = rows;
    const note = await endOfChain();
    expect(note).toBe(`${former.position}:${former.hash}`);
    await write(2);
    await seal(gateway.app);
    const later = await endOfChain();
    const cut = `DELETE FROM audit_events WHERE id IN
        (SELECT event_id FROM audit_chain WHERE position > ${former.position});
      DELETE FROM audit_chain WHERE position > ${former.position};`;
    expect((await tampered(cut)).said).toContain('and its signed end is at');
    const back = `${cut} UPDATE audit_head SET position = ${former.position}, hash = '\\x${former.hash}',
      at = '${former.at}', signature = '${former.signature}'`;
    expect(await tampered(back, [note, later])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(`before the noted position ${later.split(':')[0]}`),
    });
    expect(await verify(note, later)).toMatchObject({ exitCode: 0 });
  });

  test('takes notes as it printed them alone', async () => {
    expect(await verify('12')).toMatchObject({
      exitCode: 2,
      said: expect.stringMatching(/^Usage/),
    });
    const [position] = (await endOfChain()).split(':');
    expect(await verify(`${position}:${'0'.repeat(64)}`)).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('is not the one that was noted'),
    });
  });

  test('replicas that seal at once make one chain, while entries are written', async () => {
    const second = await createApp({
      database: gateway.database,
      clock: systemClock,
      logger: silentLogger,
      secret: SECRET,
      sweepIntervalSeconds: 3600,
      openApi,
    });
    let isWritten = false;
    const writing = Promise.all([write(10), write(10), write(10)]).finally(() => {
      isWritten = true;
    });
    for (let turn = 0; !isWritten && turn < 1_000; turn += 1)
      await Promise.all([seal(gateway.app), seal(second)]);
    await writing;
    await seal(gateway.app);
    await second.stop();
    expect((await verify()).said).toMatch(/^Verified: \d+ .+\nNo entry waits/);
  });
});
