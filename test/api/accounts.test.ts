import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  for (const provider of ALL_PROVIDERS) await gateway.connect(provider);
});
afterAll(() => gateway.stop());

describe('GET /v1/accounts', () => {
  test('lists accounts of all providers', async () => {
    const { status, body } = await gateway.root.get('/v1/accounts?limit=200');
    expect(status).toBe(200);
    expect(new Set(body.data.map((account: { provider: string }) => account.provider))).toEqual(
      new Set(ALL_PROVIDERS),
    );
  });
});

describe('DELETE /v1/accounts/{id}', () => {
  test('answers with the finished disconnect, the same again when repeated', async () => {
    const first = await gateway.root.delete('/v1/accounts/outfame:acc_7Gx2kLm9Qr');
    expect(first).toMatchObject({
      status: 200,
      body: {
        data: { state: 'succeeded', steps: [{ outcome: 'disconnected', verified: 'absent' }] },
      },
    });
    const again = await gateway.root.delete('/v1/accounts/outfame:acc_7Gx2kLm9Qr');
    expect(again.body.data.id).toBe(first.body.data.id);
    expect(gateway.sandbox.provider('outfame').counts().deletes.acc_7Gx2kLm9Qr).toEqual({
      calls: 1,
      effective: 1,
    });
  });
});
