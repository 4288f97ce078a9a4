import type { Endpoints } from './routes.js';

/** What each component's endpoints are about. */
export const TAGS: Readonly<Record<keyof Endpoints, string>> = {
  audit: 'Append-only log of who did what to which resource.',
  accounts: 'Social accounts at all providers.',
  engagement: 'Engagement that providers performed for an account.',
  choices: "People's choices about which accounts are one profile.",
  connect: 'OAuth flows that connect new accounts.',
  connections: 'Sets of credentials at providers.',
  disconnects: 'Durable workflows that disconnect accounts from their providers.',
  events: 'Changes as a feed and as a stream of server-sent events.',
  documentation: 'This document.',
  findings: 'What a person may want to check about profiles.',
  health: 'Health of accounts, its history and uptime.',
  profiles: 'Identities on one platform, seen through the accounts of all providers.',
  providers: 'What each provider supports, and its current state.',
  sessions: 'Browsers that are signed in to the console.',
  sweeps: 'Runs that read everything a connection lists.',
  system: 'The gateway itself, for load balancers and monitors.',
  teams: 'Teams, their keys, and who is calling.',
  views: "Filters of the console's pages that a team keeps under names.",
  webhooks: 'URLs that events are sent to, signed by the Standard Webhooks specification.',
};
