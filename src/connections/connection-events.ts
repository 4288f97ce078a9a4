import type { Connection } from '../database/prisma-client/client.js';
import type { EventType, NewEvent } from '../events/index.js';

type ConnectionEventType = Extract<EventType, `connection.${string}`>;

/**
 * An event about a connection, with what callers may know of it.
 * @param more beside the connection itself
 */
export function connectionEvent(
  type: ConnectionEventType,
  connection: Pick<Connection, 'id' | 'provider' | 'name'>,
  more: object = {},
): NewEvent {
  const { id, provider, name } = connection;
  return { type, accountId: null, provider, data: { connection: { id, provider, name }, ...more } };
}
