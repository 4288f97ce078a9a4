export type { Circuit } from './breaker.js';
export { createProviders, type Providers, type ProvidersSettings } from './client.js';
export type { ProviderConnection } from './connection.js';
export type { AttemptOutcome, CallContext, ResponseFacts } from './execute.js';
export type { ListPage, ListRequest, ObservedPage } from './observe.js';
export type { ProviderLogger, ProviderState } from './provider-runtime.js';
export type { Observation, QuarantinedItem } from './read-account.js';
export { createRegistry, type Registry } from './registry.js';
export type { PolicySettings } from './settings.js';
