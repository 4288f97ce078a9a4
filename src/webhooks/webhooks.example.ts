/** What webhooks look like in the reference. */
export const WEBHOOK_EXAMPLE = {
  id: 'whk_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'webhook',
  url: 'https://monitor.example.com/rollcall',
  url_set_by: { key_id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d3', name: 'operations' },
  types: ['account.health_changed', 'provider.*'],
  description: 'pages the person on call',
  enabled: true,
  disabled: null,
  failing_since: null,
  created_at: '2026-01-15T08:00:00.000Z',
  updated_at: '2026-01-15T08:00:00.000Z',
};

export const DELIVERY_EXAMPLE = {
  id: 'dlv_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'webhook_delivery',
  webhook_id: 'whk_01k9z3m8q4v7x2c5n6b8a1s3d4',
  event_id: 'evt_01k9z3m8q4v7x2c5n6b8a1s3d4',
  event_type: 'account.health_changed',
  state: 'succeeded',
  attempts: [
    { at: '2026-02-08T07:10:03.200Z', status: 204, latency_ms: 41, answer: '', error: null },
  ],
  next_attempt_at: null,
  created_at: '2026-02-08T07:10:03.100Z',
  finished_at: '2026-02-08T07:10:03.241Z',
};
