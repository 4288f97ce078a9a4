import { describe, expect, test } from '../support/jest.js';
import type { ProviderName } from './provider-formats.js';
import { useWorlds } from './world.js';

const worlds = useWorlds();
const IDS: readonly (readonly [ProviderName, id: string])[] = [
  ['outfame', 'acc_a'],
  ['creatoraudit', '3c90c3cc-0d44-4b50-8888-8dd25736052a'],
  ['socialsyncer', 'instagram/17841400123456789'],
  ['octopost', 'acc_a'],
];

describe('receipts name their evidence', () => {
  test.each(IDS)(
    '%s: each answer with what was asked, its status, shape and time',
    async (name, id) => {
      const world = await worlds.open(name, [id]);
      const { body } = await world.disconnect(id);
      const { evidence } = (await world.receipt(body.data.id)).steps[0];
      const calls = evidence.map(({ call }: { call: string }) => call);
      expect(calls).toEqual(expect.arrayContaining(['delete', 'verify']));
      for (const entry of evidence) {
        expect(entry).toMatchObject({
          call: expect.any(String),
          status: expect.any(Number),
          shape: expect.any(String),
          outcome: expect.any(String),
          at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        });
      }
      expect(body.data.steps[0].evidence).toEqual(evidence);
    },
  );

  test('an answer that proved nothing is in it as what it was', async () => {
    const world = await worlds.open('octopost', ['acc_a']);
    world.provider.when('DELETE /accounts/acc_a', (_request, usual, turn) =>
      turn === 1 ? { status: 404, raw: '<html>nginx</html>' } : usual(),
    );
    const { body } = await world.disconnect('acc_a');
    const { evidence } = (await world.receipt(body.data.id)).steps[0];
    const [first, then] = evidence.filter(({ call }: { call: string }) => call === 'delete');
    expect(first).toMatchObject({ status: 404, shape: 'unreadable', outcome: 'invalid_answer' });
    expect(then).toMatchObject({ status: 204, shape: 'success' });
  });
});
