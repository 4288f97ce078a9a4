import { type Gateway, startGateway } from '../support/gateway.js';
import { afterEach, expect, test } from '../support/jest.js';

let gateway: Gateway;
afterEach(() => gateway.stop());

const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'social.example:8443' };
const firstLink = async (headers: Record<string, string>) =>
  (await gateway.root.get('/v1/teams?limit=1', headers)).headers.get('link');

test('behind a trusted proxy, links start with the address that callers use', async () => {
  gateway = await startGateway({ trustProxy: true });
  expect(await firstLink(forwarded)).toBe(
    '<https://social.example:8443/v1/teams?limit=1>; rel="first"',
  );
  expect(await firstLink({})).toBe(`<${gateway.url}/v1/teams?limit=1>; rel="first"`);
  expect(await firstLink({ ...forwarded, 'X-Forwarded-Proto': 'javascript' })).toMatch(
    /^<http:\/\/social\.example:8443\//,
  );
  expect(await gateway.root.get('/v1/teams', { 'X-Forwarded-Host': 'so cial' })).toMatchObject({
    status: 400,
    body: { code: 'bad_request' },
  });
});

test('without one, nobody is believed what he says of our address', async () => {
  gateway = await startGateway();
  expect(await firstLink(forwarded)).toBe(`<${gateway.url}/v1/teams?limit=1>; rel="first"`);
});
