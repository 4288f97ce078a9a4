/** The types of events. */
export const EVENT_TYPES = [
  'account.discovered',
  'account.updated',
  'account.metrics_changed',
  'account.health_changed',
  'account.vanished',
  'account.reappeared',
  'account.disconnecting',
  'account.disconnected',
  'account.disconnect_failed',
  'disconnect.awaiting_approval',
  'disconnect.approved',
  'connection.created',
  'connection.credential_rejected',
  'connection.recovered',
  'connection.deleted',
  'profile.linked',
  'profile.split',
  'profile.merged',
  'profile.health_changed',
  'finding.opened',
  'finding.closed',
  'provider.incident_opened',
  'provider.incident_closed',
  'gateway.resumed',
  'webhook.disabled',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** The types that patterns name. No pattern: none, which readers take for all. */
export function typesOf(patterns: readonly string[] = []): EventType[] {
  return EVENT_TYPES.filter(
    (type) => patterns.includes(type) || patterns.includes(`${type.split('.')[0]}.*`),
  );
}
