import type { createAccounts } from '../accounts/index.js';
import type { createAudit } from '../audit/index.js';
import type { createConnections } from '../connections/index.js';
import type { createDisconnects } from '../disconnects/index.js';
import type { createEvents } from '../events/index.js';
import type { createFindings } from '../findings/index.js';
import type { createHealth } from '../health/index.js';
import { get, openPost, patch, post, put, type Route, remove } from '../http/route.js';
import type { createProfiles } from '../profiles/index.js';
import type { createProviderStatus } from '../providers/index.js';
import type { createSweeps } from '../sweeps/index.js';
import type { createTeams } from '../teams/index.js';
import type { createViews } from '../views/index.js';
import type { createWebhooks } from '../webhooks/index.js';
import type { documentationEndpoints } from './documentation.routes.js';
import type { systemEndpoints } from './system.routes.js';

type EndpointsOf<Create extends (parts: never) => { readonly endpoints: object }> =
  ReturnType<Create>['endpoints'];

/** The endpoints of every component, by tag. */
export type Endpoints = EndpointsOf<typeof createAccounts> &
  EndpointsOf<typeof createAudit> &
  EndpointsOf<typeof createConnections> &
  EndpointsOf<typeof createDisconnects> &
  EndpointsOf<typeof createEvents> &
  EndpointsOf<typeof createFindings> &
  EndpointsOf<typeof createHealth> &
  EndpointsOf<typeof createProfiles> &
  EndpointsOf<typeof createProviderStatus> &
  EndpointsOf<typeof createSweeps> &
  EndpointsOf<typeof createTeams> &
  EndpointsOf<typeof createViews> &
  EndpointsOf<typeof createWebhooks> & {
    readonly choices: ReturnType<ReturnType<typeof createProfiles>['choiceEndpoints']>;
    readonly documentation: ReturnType<typeof documentationEndpoints>;
    readonly system: ReturnType<typeof systemEndpoints>;
  };

/**
 * Every URL, with what it takes to call it. The first match wins: fixed words stand before
 * parameters.
 */
export function routes(to: Endpoints): readonly Route[] {
  return [
    get('/livez', 'public', to.system.live),
    get('/readyz', 'public', to.system.ready),
    get('/health', 'public', to.system.health),
    get('/metrics', 'public', to.system.metrics),
    get('/openapi.json', 'public', to.documentation.document),
    get('/.well-known/rollcall.json', 'public', to.disconnects.wellKnown),

    openPost('/console/session', to.sessions.signIn),
    get('/console/session', 'read', to.sessions.current),
    remove('/console/session', 'read', to.sessions.signOut),

    get('/v1/whoami', 'read', to.teams.whoami),
    get('/v1/teams', 'root', to.teams.listTeams),
    post('/v1/teams', 'root', to.teams.createTeam),
    get('/v1/teams/{id}', 'root', to.teams.getTeam),
    get('/v1/keys', 'admin', to.teams.listKeys),
    post('/v1/keys', 'admin', to.teams.createKey),
    get('/v1/keys/{id}', 'admin', to.teams.getKey),
    remove('/v1/keys/{id}', 'admin', to.teams.revokeKey),
    get('/v1/sessions', 'admin', to.sessions.list),
    get('/v1/sessions/{id}', 'admin', to.sessions.get),
    remove('/v1/sessions/{id}', 'admin', to.sessions.end),

    get('/v1/providers', 'read', to.providers.list),
    get('/v1/providers/{provider}', 'read', to.providers.get),

    get('/v1/connections', 'read', to.connections.list),
    post('/v1/connections', 'admin', to.connections.create),
    get('/v1/connections/{id}', 'read', to.connections.get),
    patch('/v1/connections/{id}', 'admin', to.connections.change),
    remove('/v1/connections/{id}', 'admin', to.connections.delete),
    post('/v1/connections/{id}/sweep', 'write', to.sweeps.start),
    get('/v1/connections/{id}/sweeps', 'read', to.sweeps.history),

    post('/v1/connect', 'write', to.connect.start),
    post('/v1/connect/complete', 'write', to.connect.complete),

    get('/v1/accounts', 'read', to.accounts.list),
    post('/v1/accounts', 'write', to.accounts.create),
    get('/v1/accounts/health', 'read', to.accounts.health),
    get('/v1/accounts/{id}', 'read', to.accounts.get),
    patch('/v1/accounts/{id}', 'write', to.accounts.change),
    remove('/v1/accounts/{id}', 'write', to.disconnects.disconnectAccount),
    put('/v1/accounts/{id}/profile', 'write', to.choices.move),
    post('/v1/accounts/{id}/probe', 'write', to.accounts.probe),
    post('/v1/accounts/{id}/pause', 'write', to.accounts.pause),
    post('/v1/accounts/{id}/resume', 'write', to.accounts.resume),
    get('/v1/accounts/{id}/activity', 'read', to.engagement.activity),
    get('/v1/accounts/{id}/stats', 'read', to.engagement.stats),
    get('/v1/accounts/{id}/health', 'read', to.health.ofAccount),
    get('/v1/accounts/{id}/metrics', 'read', to.accounts.metrics),
    get('/v1/health/changes', 'read', to.health.changes),
    get('/v1/health/levels', 'read', to.health.levels),
    get('/v1/platforms/{platform}/accounts/{platform_user_id}', 'read', to.accounts.ofIdentity),

    get('/v1/profiles', 'read', to.profiles.list),
    get('/v1/profiles/{id}', 'read', to.profiles.get),
    get('/v1/profiles/{id}/history', 'read', to.profiles.history),
    remove('/v1/profiles/{id}', 'write', to.disconnects.disconnectProfile),
    post('/v1/profiles/{id}/merge', 'write', to.choices.merge),
    post('/v1/profiles/{id}/split', 'write', to.choices.split),
    post('/v1/profiles/{id}/history/{n}/revert', 'write', to.choices.revert),

    get('/v1/findings', 'read', to.findings.list),
    get('/v1/findings/{id}', 'read', to.findings.get),
    post('/v1/findings/{id}/dismiss', 'write', to.findings.dismiss),

    get('/v1/disconnects', 'read', to.disconnects.list),
    post('/v1/disconnects', 'write', to.disconnects.disconnectMany),
    get('/v1/disconnects/{id}', 'read', to.disconnects.get),
    get('/v1/disconnects/{id}/steps', 'read', to.disconnects.steps),
    get('/v1/disconnects/{id}/receipt', 'read', to.disconnects.receipt),
    post('/v1/disconnects/{id}/approve', 'admin', to.disconnects.approve),
    post('/v1/disconnects/{id}/cancel', 'write', to.disconnects.cancel),
    post('/v1/disconnects/{id}/retry', 'write', to.disconnects.retry),

    get('/v1/events', 'read', to.events.list),
    get('/v1/events/stream', 'read', to.events.stream),

    get('/v1/webhooks', 'read', to.webhooks.list),
    post('/v1/webhooks', 'admin', to.webhooks.create),
    get('/v1/webhooks/{id}', 'read', to.webhooks.get),
    patch('/v1/webhooks/{id}', 'admin', to.webhooks.change),
    remove('/v1/webhooks/{id}', 'admin', to.webhooks.delete),
    post('/v1/webhooks/{id}/rotate', 'admin', to.webhooks.rotate),
    post('/v1/webhooks/{id}/test', 'write', to.webhooks.test),
    get('/v1/webhooks/{id}/deliveries', 'read', to.webhooks.deliveries),
    post('/v1/webhooks/{id}/deliveries/{delivery_id}/replay', 'write', to.webhooks.replay),

    get('/v1/views', 'read', to.views.list),
    post('/v1/views', 'write', to.views.create),
    get('/v1/views/{id}', 'read', to.views.get),
    patch('/v1/views/{id}', 'write', to.views.change),
    remove('/v1/views/{id}', 'write', to.views.delete),

    get('/v1/audit', 'read', to.audit.list),
  ];
}
