import type { ConnectionsService } from '../connections/connections.service.js';
import type { Database } from '../database/index.js';
import type { DisconnectStep } from '../database/prisma-client/client.js';
import type { Clock } from '../lib/clock.js';
import { ProviderError } from '../model/index.js';
import type { ProviderConnection, Providers } from '../providers/index.js';
import type { DisconnectsRepository, StepError } from './disconnects.repository.js';
import { backoffMs, reactionTo, wasReconnected } from './step-state.js';

/** A step is leased for longer than its slowest call may take. */
export const LEASE_MS = 40_000;
const CALL_DEADLINE_MS = 15_000;
const CALL = { deadlineMs: CALL_DEADLINE_MS };

/**
 * One attempt at one step: delete → verify → finish. What is about to happen is written before it happens, so an attempt can be cut
 * off anywhere and begun again: where the provider may have been asked already we look before asking again.
 */
export class StepRunner {
  constructor(
    private readonly database: Database,
    private readonly steps: DisconnectsRepository,
    private readonly connections: ConnectionsService,
    private readonly providers: Providers,
    private readonly clock: Clock,
  ) {}

  /** @returns when the step is due again; `undefined` when it has ended */
  async run(step: DisconnectStep): Promise<Date | undefined> {
    try {
      const connection = await this.database.prisma.connection.findUniqueOrThrow({ where: { id: step.connectionId } });
      const access = this.connections.open(connection);
      const outcome = step.phase === 'deleted' ? (step.outcome ?? 'disconnected') : await this.delete(step, access);
      return outcome === undefined ? undefined : await this.verify(step, access, outcome);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return this.react(step, error);
    }
  }

  /** @returns the outcome; `undefined` when someone reconnected the account meanwhile and the step has failed */
  private async delete(step: DisconnectStep, access: ProviderConnection): Promise<string | undefined> {
    if (step.phase === 'deleting') {
      const present = await this.look(step, access);
      if (!present) return 'disconnected';
      if (wasReconnected(step.formerConnectedAt, present.account.connectedAt)) {
        const told = this.told('reconnected', 'Someone connected the account anew meanwhile; that connection was left alone.', null);
        await this.steps.fail(step, told, this.clock.now());
        return undefined;
      }
    }
    await this.steps.advance(step, { phase: 'deleting', leasedUntil: this.leaseEnd() });
    const answer = await this.providers.disconnect(access, { id: step.providerAccountId }, CALL);
    const outcome = answer === 'done' || step.phase === 'deleting' ? 'disconnected' : 'already_gone';
    await this.steps.advance(step, { phase: 'deleted', outcome, leasedUntil: this.leaseEnd() });
    return outcome;
  }

  /** Success is claimed only once the provider no longer shows the account, or shows a newer connection in its place. */
  private async verify(step: DisconnectStep, access: ProviderConnection, outcome: string): Promise<Date | undefined> {
    const present = await this.look(step, access);
    const now = this.clock.now();
    if (!present || wasReconnected(step.formerConnectedAt, present.account.connectedAt)) {
      await this.steps.succeed(step, outcome, now);
      return undefined;
    }
    const told = this.told('still_present', 'The provider accepted the disconnect and still shows the account.', null);
    return this.again(step, told, null, 'still_present');
  }

  private look(step: DisconnectStep, access: ProviderConnection) {
    return this.providers.lookUp(access, { id: step.providerAccountId, platform: step.platform }, CALL);
  }

  private async react(step: DisconnectStep, error: ProviderError): Promise<Date | undefined> {
    const told = this.told(error.code, error.message, error.providerCode);
    if (reactionTo(error) !== 'fail' || step.phase === 'deleted') return this.again(step, told, error.retryAfterSeconds);
    await this.steps.fail(step, told, this.clock.now());
    return undefined;
  }

  /** Postpones the step, or gives it up when its time is over. */
  private async again(
    step: DisconnectStep,
    told: StepError,
    retryAfterSeconds: number | null,
    verified?: string,
  ): Promise<Date | undefined> {
    const now = this.clock.now();
    const next = new Date(now.getTime() + backoffMs(step.attempts, retryAfterSeconds));
    if (next < step.deadlineAt) {
      await this.steps.postpone(step, next, told, verified);
      return next;
    }
    await this.steps.fail(step, told, now, verified);
    return undefined;
  }

  private told(code: string, message: string, providerCode: string | null): StepError {
    return { code, message, provider_code: providerCode, at: this.clock.now().toISOString() };
  }

  private leaseEnd(): Date {
    return new Date(this.clock.now().getTime() + LEASE_MS);
  }
}
