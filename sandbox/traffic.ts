import type { Question } from './message.js';

/** A request that arrived at a provider. */
export interface SeenRequest {
  readonly at: string;
  readonly method: string;
  readonly target: string;
  /** The matched route, `GET /accounts/{id}`, or `other`. */
  readonly operation: string;
  /** Whether it changed anything at the provider. */
  effective: boolean;
}

/** DELETE requests for one account. */
interface DeleteCount {
  /** How many arrived, whatever came of them. */
  readonly calls: number;
  /** How many took an account away. */
  readonly effective: number;
}

const REMEMBERED_REQUESTS = 1_000;

/** What arrived at one provider since its start or reset. */
export class Traffic {
  requests = 0;
  readonly byOperation = new Map<string, number>();
  readonly deletes = new Map<string, DeleteCount>();
  /** The latest requests, oldest first. */
  readonly log: SeenRequest[] = [];

  seen(question: Question, operation: string, at: Date): SeenRequest {
    const request = {
      at: at.toISOString(),
      method: question.method,
      target: question.target,
      operation,
      effective: false,
    };
    this.requests += 1;
    this.byOperation.set(operation, (this.byOperation.get(operation) ?? 0) + 1);
    this.log.push(request);
    if (this.log.length > 2 * REMEMBERED_REQUESTS) this.log.splice(0, REMEMBERED_REQUESTS);
    return request;
  }

  /** Those that came after the first `count`, as far as they are remembered. */
  after(count: number): readonly SeenRequest[] {
    return this.log.slice(Math.max(0, this.log.length - (this.requests - count)));
  }

  countDelete(accountId: string, added: DeleteCount): void {
    const { calls = 0, effective = 0 } = this.deletes.get(accountId) ?? {};
    this.deletes.set(accountId, {
      calls: calls + added.calls,
      effective: effective + added.effective,
    });
  }

  clear(): void {
    this.requests = 0;
    this.byOperation.clear();
    this.deletes.clear();
    this.log.length = 0;
  }
}
