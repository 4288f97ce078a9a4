export type { Circuit } from './breaker.js';
export { createProviders, type Providers, type ProvidersSettings } from './client.js';
export {
  credentialsSchemaOf,
  type ProviderConnection,
  secretsOf,
} from './connection.js';
export { betterCopy, copyRank } from './copies.js';
export type { CredentialKeeper, RefreshedCredentials } from './credential-keeper.js';
export type { AttemptOutcome, CallContext, ResponseFacts } from './execute.js';
export { hasToken } from './fresh-credentials.js';
export type { AccountToFind } from './look-up.js';
export type { ListPage, ListRequest, ObservedPage } from './observe.js';
export { operationsOf } from './offered-operations.js';
export { providerId } from './provider-id.js';
export type { ProviderLogger, ProviderState } from './provider-runtime.js';
export { createProviderStatus } from './provider-status.js';
export { MAX_SHOWN_INCIDENTS } from './providers.routes.js';
export { minuteShare } from './rate-limit.js';
export {
  type Coverage,
  type DegradedField,
  isObservation,
  type Observation,
  type QuarantinedItem,
} from './read-account.js';
export type { AnswerShape } from './read-answer.js';
export { holdsSecret } from './redact.js';
export { createRegistry, type Registry } from './registry.js';
export type { PolicySettings } from './settings.js';
export { shownSettings, withChanges } from './settings-text.js';
export { SharedLimits } from './shared-limits.js';
export { type Address, providerOf, siteOf } from './site.js';
