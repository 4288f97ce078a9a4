import fc from 'fast-check';
import { describe, expect, test } from '../support/jest.js';
import { accountTexts, idOf, type ProviderName } from './provider-formats.js';
import { useWorlds } from './world.js';

const worlds = useWorlds();
const ACCOUNTS = 120;
const SEED = Number(process.env.EVIDENCE_SEED ?? 1);
/** These name the account. */
const IDS = ['id', 'platform', 'accountId'];
const DECIDING: Record<ProviderName, readonly string[]> = {
  outfame: ['status'],
  creatoraudit: ['is_active', 'is_unavailable', 'last_scrape_time', 'scrape_interval_hours'],
  socialsyncer: ['health', 'tokenValid'],
  octopost: ['is_active'],
};

const texts = fc.constantFrom(
  ...['', ' ', '\u0000', '\ud800', 'NaN', '1e999', '0', 'true', 'TRUE', 'yes', '\u0663', '-1'],
  ...['2026-13-01', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', 'a'.repeat(5_000)],
  'https://user:password@example/?access_token=EAABsecret',
);
const numbers = fc.constantFrom(-1, 0.1, 1e21, 1_700_000_000, 253_402_300_800_000);
const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary', maxLength: 20 }),
  texts,
  numbers,
);

describe(`6 one field: whatever it holds (seed ${SEED})`, () => {
  test.each(Object.keys(DECIDING) as ProviderName[])(
    '%s: every account is listed, and its health unless that field decides it',
    async (name) => {
      const world = await worlds.open(name);
      const fields = Object.values(accountTexts(name, idOf(name, 0)))
        .flatMap((text) => Object.keys(JSON.parse(text ?? '{}')))
        .filter((field) => !IDS.includes(field));
      const given = fc.sample(anyValue, { numRuns: ACCOUNTS, seed: SEED }).map((value, number) => ({
        id: idOf(name, number),
        field: fields[number % fields.length] as string,
        value,
      }));
      for (const { id, field, value } of given) world.provider.put(id, { [field]: value });
      const sweep = await world.sweep();
      expect(sweep).toMatchObject({ state: 'succeeded', seen: ACCOUNTS, quarantined: 0 });
      expect(JSON.stringify(sweep)).not.toContain('EAABsecret');
      const accounts = await world.accounts();
      const shown = new Map(accounts.map((account) => [account.provider_account_id, account]));
      const wrong = given.filter(({ id, field }) => {
        const account = shown.get(id);
        const isDecided = DECIDING[name].includes(field) || account?.health.status === 'healthy';
        return account === undefined || account.status === 'disconnected' || !isDecided;
      });
      expect(wrong).toEqual([]);
      expect(JSON.stringify(accounts)).not.toMatch(/EAABsecret|\\u0000|\\ud800/);
    },
  );
});
