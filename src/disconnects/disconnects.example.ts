/**
 * What disconnects look like in the reference: one account at Octopost, gone and seen to be gone.
 */
const EFFECT = { destroys_data: false, revokes_token: true, reversible: true };

const ACCOUNT = {
  account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
  ref: 'octopost:acc_abc123',
  provider: 'octopost',
  platform: 'instagram',
  username: 'northwind.goods',
  identity: {
    platform: 'instagram',
    platform_user_id: '17841400123456789',
    username: 'northwind.goods',
    connected_at: '2026-01-15T08:30:00.000Z',
  },
};

const EVIDENCE = [
  {
    call: 'look',
    status: 200,
    shape: 'account',
    outcome: 'present',
    at: '2026-02-09T11:45:22.600Z',
    request_id: null,
  },
  {
    call: 'delete',
    status: 204,
    shape: 'success',
    outcome: 'done',
    at: '2026-02-09T11:45:22.900Z',
    request_id: null,
  },
  {
    call: 'verify',
    status: 404,
    shape: 'not_found',
    outcome: 'absent',
    at: '2026-02-09T11:45:23.300Z',
    request_id: null,
  },
];

const OUTCOME = {
  ...ACCOUNT,
  profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
  state: 'succeeded',
  outcome: 'disconnected',
  effect: EFFECT,
  verified: 'absent',
  verified_at: '2026-02-09T11:45:23.400Z',
  not_compared: [],
  evidence: EVIDENCE,
  reappeared_at: null,
  last_error: null,
};

export const STEP_EXAMPLE = { ...OUTCOME, attempts: 1, next_attempt_at: null };

/** Without its steps. */
export const DISCONNECT_EXAMPLE = {
  id: 'disc_01k9z3m8q4v7x2c5n6b8a1s3d4',
  state: 'succeeded',
  reason_code: 'offboarding',
  reason_note: 'left the company',
  profile_id: null,
  requested_by: { key_id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d4', name: 'operations' },
  scheduled_at: null,
  approval: null,
  created_at: '2026-02-09T11:45:22.000Z',
  finished_at: '2026-02-09T11:45:23.400Z',
  summary: { total: 1, succeeded: 1, failed: 0, pending: 0, cancelled: 0 },
};

const HOW_TO_RECONNECT = 'Connect the profile again in the Octopost dashboard; it gets a new id.';

export const PLAN_EXAMPLE = {
  type: 'disconnect_plan',
  plan_hash: 'Wn4mB0qQ7p1jT3vXc9ZrK2sYdLfHgE5uA8iO6bN1kM0',
  totals: {
    total: 1,
    destroys_data: 0,
    revokes_token: 1,
    irreversible: 0,
    effect_not_told: 0,
    also_ends: 0,
  },
  providers: [
    {
      provider: 'octopost',
      total: 1,
      effect: EFFECT,
      ends: 'account',
      how_to_reconnect: HOW_TO_RECONNECT,
    },
  ],
  accounts: [{ ...ACCOUNT, status: 'active', effect: EFFECT }],
  excluded: [],
  also_ends: [],
};

export const RECEIPT_EXAMPLE = {
  type: 'disconnect_receipt',
  receipt: {
    ...DISCONNECT_EXAMPLE,
    team_id: 'team_01k9z3m8q4v7x2c5n6b8a1s3d4',
    steps: [{ ...OUTCOME, finished_at: '2026-02-09T11:45:23.400Z' }],
  },
  signature: {
    algorithm: 'Ed25519',
    key_id: 'r0LlCaLl',
    value: 'bWFkZSBvdmVyIHRoZSBjYW5vbmljYWwgSlNPTiBvZiB0aGUgcmVjZWlwdA',
  },
};
