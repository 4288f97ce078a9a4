import type { Endpoints } from './routes.js';

/** What each component's endpoints are about. */
export const TAGS: Readonly<Record<keyof Endpoints, string>> = {
  audit: 'Who did what to which account; append-only.',
  accounts: 'Every social account, whichever provider holds it.',
  engagement: 'What providers did for an account, from their own logs.',
  connect: 'OAuth flows that connect new accounts.',
  connections: 'Sets of credentials at providers.',
  disconnects: "Durable workflows that end a provider's hold on accounts.",
  events: 'What happened, as a feed and as a stream.',
  documentation: 'This document.',
  health: 'Verdicts on accounts, their history and uptime.',
  providers: 'What each provider can do, and how it does at the moment.',
  sweeps: 'Walks over everything that a connection lists.',
  system: 'The gateway itself, for load balancers and monitors.',
  teams: 'Teams, their keys, and who is calling.',
  webhooks: 'Addresses that events are posted to, signed by the Standard Webhooks specification.',
};
