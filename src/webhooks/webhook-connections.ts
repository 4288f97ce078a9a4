import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { buildConnector, Client } from '../lib/undici-agent.js';

interface ConnectionSettings {
  readonly lookup: LookupFunction;
  readonly connectMs: number;
  /** Milliseconds for an answer to begin, and between two parts of it. */
  readonly answerMs: number;
}

/**
 * Connections to receivers, each with one request at a time. What serves the next one is known here,
 * so no pool has to look for it: that took a third of a request's time.
 */
export class WebhookConnections {
  /** By origin; the one that was used last is the next to be used. */
  private readonly idle = new Map<string, Client[]>();
  private readonly open = new Set<Client>();
  private readonly options: ConstructorParameters<typeof Client>[1];

  constructor({ lookup, connectMs, answerMs }: ConnectionSettings) {
    this.options = {
      connect: buildConnector({ lookup, timeout: connectMs }),
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
    };
  }

  /** Sends a request on a connection that has none. @returns is to be called when it is over */
  dispatch(
    request: Dispatcher.DispatchOptions & { readonly origin: string },
    handler: Dispatcher.DispatchHandler,
  ): (mayServeAgain: boolean) => void {
    const { origin } = request;
    const client = this.idle.get(origin)?.pop() ?? this.connect(origin);
    try {
      client.dispatch(request, handler);
    } catch (error) {
      this.drop(origin, client);
      throw error;
    }
    return (mayServeAgain) => {
      if (mayServeAgain) this.keep(origin, client);
      else this.drop(origin, client);
    };
  }

  /** Waits for what is on its way. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((client) => client.close()));
  }

  private connect(origin: string): Client {
    const client = new Client(origin, this.options);
    this.open.add(client);
    client.on('disconnect', () => {
      const idle = this.idle.get(origin) ?? [];
      const index = idle.indexOf(client);
      // One that has a request connects anew, or fails it.
      if (index < 0) return;
      idle.splice(index, 1);
      this.drop(origin, client);
    });
    return client;
  }

  private keep(origin: string, client: Client): void {
    const idle = this.idle.get(origin);
    if (idle === undefined) this.idle.set(origin, [client]);
    else idle.push(client);
  }

  private drop(origin: string, client: Client): void {
    this.open.delete(client);
    if (this.idle.get(origin)?.length === 0) this.idle.delete(origin);
    // It may be in the midst of failing its request, where it cannot be destroyed.
    setImmediate(() => {
      if (!client.destroyed) void client.destroy();
    });
  }
}
