import type { Client, Reply } from '../support/client.js';
import type { DescribedOperations } from '../support/described.js';

/** Sends a request that is to succeed. @throws Error when it does not */
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>;

/** Which statuses each operation has answered with, and how often. */
export class Coverage {
  private readonly statuses = new Map<string, Map<number, number>>();
  cases = 0;

  constructor(private readonly operations: DescribedOperations) {}

  note(operationId: string, status: number): void {
    this.cases++;
    const counts = this.statuses.get(operationId) ?? new Map<number, number>();
    this.statuses.set(operationId, counts.set(status, (counts.get(status) ?? 0) + 1));
  }

  /** Notes what `client` is answered; all of it must be 2xx. */
  asking(client: Client): Ask {
    return async (method, path, body, headers = {}) => {
      const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const reply = await client.send(
        method,
        path,
        body === undefined ? undefined : JSON.stringify(body),
        { ...json, ...headers },
      );
      if (reply.status >= 300)
        throw new Error(`${method} ${path} → ${reply.status}: ${reply.text}`);
      this.note(this.operations.find(method, path)?.operationId ?? path, reply.status);
      return reply;
    };
  }

  /** Operations that never answered with a status of `hundred`: 2 for success, 4 for a refusal. */
  lacking(hundred: number): string[] {
    const isCovered = (id: string) =>
      [...(this.statuses.get(id)?.keys() ?? [])].some(
        (status) => Math.floor(status / 100) === hundred,
      );
    return this.operations.all.map(({ operationId }) => operationId).filter((id) => !isCovered(id));
  }

  /** One line for each operation. */
  lines(): string[] {
    const told = (counts: Map<number, number>) =>
      [...counts].map(([status, count]) => `${status}: ${count}`).join(', ');
    return [...this.statuses].map(([id, counts]) => `${id}  ${told(counts)}`).sort();
  }
}
