import type { AuditPolicy } from '../http/route.js';

const wrote = (...actions: string[]): AuditPolicy => ({ actions });
const nothing = (none: string): AuditPolicy => ({ none });

/** What each route that changes something leaves in the audit log, by method and path. */
export const AUDIT_POLICIES: Readonly<Record<string, AuditPolicy>> = {
  'POST /console/session': wrote('console.signed_in'),
  'DELETE /console/session': wrote('console.signed_out'),
  'DELETE /v1/sessions/{id}': wrote('console.signed_out'),
  'POST /v1/teams': wrote('team.created'),
  'POST /v1/keys': wrote('key.created'),
  'DELETE /v1/keys/{id}': wrote('key.revoked', 'webhook.disabled'),
  'POST /v1/connections': wrote('connection.created'),
  'PATCH /v1/connections/{id}': wrote('connection.changed'),
  'DELETE /v1/connections/{id}': wrote('connection.deleted'),
  'POST /v1/connections/{id}/sweep': wrote('sweep.requested', 'sweep.confirmed'),
  'POST /v1/connect': nothing('It creates a link: only completing the flow connects an account.'),
  'POST /v1/connect/complete': wrote('account.connected'),
  'POST /v1/accounts': wrote('account.created'),
  'PATCH /v1/accounts/{id}': wrote('account.settings_changed', 'account.labels_changed'),
  'DELETE /v1/accounts/{id}': wrote('disconnect.requested', 'account.disconnecting'),
  'PUT /v1/accounts/{id}/profile': wrote('account.profile_changed'),
  'POST /v1/accounts/{id}/probe': nothing('It only reads: events and history show what it found.'),
  'POST /v1/accounts/{id}/pause': wrote('account.paused'),
  'POST /v1/accounts/{id}/resume': wrote('account.resumed'),
  'DELETE /v1/profiles/{id}': wrote('disconnect.requested', 'account.disconnecting'),
  'POST /v1/profiles/{id}/merge': wrote('profile.merged'),
  'POST /v1/profiles/{id}/split': wrote('profile.split'),
  'POST /v1/profiles/{id}/history/{n}/revert': wrote('profile.choice_reverted'),
  'POST /v1/findings/{id}/dismiss': wrote('finding.dismissed'),
  'POST /v1/disconnects': wrote('disconnect.requested', 'disconnect.awaiting_approval'),
  'POST /v1/disconnects/{id}/approve': wrote('disconnect.approved'),
  'POST /v1/disconnects/{id}/cancel': wrote('disconnect.cancelled', 'account.disconnect_cancelled'),
  'POST /v1/disconnects/{id}/retry': wrote('disconnect.retried'),
  'POST /v1/webhooks': wrote('webhook.created'),
  'PATCH /v1/webhooks/{id}': wrote('webhook.changed'),
  'DELETE /v1/webhooks/{id}': wrote('webhook.deleted'),
  'POST /v1/webhooks/{id}/rotate': wrote('webhook.secret_rotated'),
  'POST /v1/webhooks/{id}/test': nothing('It sends a test event: the deliveries show it.'),
  'POST /v1/webhooks/{id}/deliveries/{delivery_id}/replay': nothing(
    'It repeats a delivery: the deliveries show it.',
  ),
  'POST /v1/views': wrote('view.created'),
  'PATCH /v1/views/{id}': wrote('view.changed'),
  'DELETE /v1/views/{id}': wrote('view.deleted'),
};
