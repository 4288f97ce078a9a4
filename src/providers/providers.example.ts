/** What a provider looks like in the reference. */
export const PROVIDER_EXAMPLE = {
  id: 'octopost',
  type: 'provider',
  name: 'Octopost',
  docs_url: 'https://octopost.ink/docs',
  platforms: ['instagram', 'linkedin', 'tiktok'],
  operations: ['probe', 'disconnect'],
  credentials: [{ name: 'api_key', secret: true, required: true, description: null }],
  connect: {
    flow: 'dashboard',
    instructions: 'Connect the profile in the Octopost dashboard.',
    url: 'https://octopost.ink',
  },
  disconnect: {
    destroys_data: false,
    revokes_token: true,
    reversible: true,
    ends: 'account',
    how_to_reconnect: 'Connect the profile again in the Octopost dashboard; it gets a new id.',
  },
  state: {
    status: 'operational',
    since: null,
    success_rate: { '5m': 100, '24h': 99.98 },
    latency_ms: { '5m': { p50: 84, p95: 210, p99: 340 }, '24h': { p50: 81, p95: 205, p99: 390 } },
    last_success_at: '2026-02-09T11:45:22.000Z',
    last_failure_at: null,
    last_error: null,
    circuit: 'closed',
    circuits: { inventory: 'closed', write: 'closed' },
    incident: null,
  },
};
