import type { AccountsService } from '../accounts/accounts.service.js';
import type { Jobs } from '../database/jobs.js';
import { notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import type { Providers } from '../providers/index.js';
import type { Caller } from '../teams/caller.js';
import type { DisconnectAnswer } from './disconnect.schema.js';
import type { DisconnectsRepository, Reason } from './disconnects.repository.js';

const POLL_MS = 50;

/** Ends a provider's hold on accounts: accepts, waits a while, and tells how far it got. The work itself is the worker's. */
export class DisconnectsService {
  constructor(
    private readonly repository: DisconnectsRepository,
    private readonly accounts: AccountsService,
    private readonly providers: Providers,
    private readonly jobs: Jobs,
    private readonly clock: Clock,
  ) {}

  /** Starts to disconnect one account, or joins what already does. @returns the disconnect's id */
  async disconnectAccount(caller: Caller, reference: string, reason: Reason): Promise<string> {
    const account = await this.accounts.find(caller, reference);
    const adapter = this.providers.adapters.get(account.provider);
    if (!adapter?.operations.disconnect) {
      throw new Problem('operation_not_supported', `${account.provider} cannot disconnect over its API. Do it in its dashboard.`);
    }
    const accepted = await this.repository.accept(caller, account, adapter.disconnectEffect, reason, this.clock.now(), (client) =>
      this.jobs.send('disconnect', {}, client),
    );
    if (accepted.isNew) this.jobs.wake('disconnect');
    return accepted.id;
  }

  /** Waits until the disconnect has finished, `seconds` at most, or until the caller goes away. */
  async wait(id: string, seconds: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end && !signal.aborted) {
      if (await this.repository.isFinished(id)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async get(caller: Caller, id: string): Promise<DisconnectAnswer> {
    const row = await this.repository.find(caller, id);
    if (!row) throw notFound(`Disconnect ${id}`);
    const inState = (...states: string[]) => row.steps.filter((step) => states.includes(step.state)).length;
    return {
      id: row.id,
      type: 'disconnect',
      state: row.state as DisconnectAnswer['state'],
      reason_code: row.reasonCode as DisconnectAnswer['reason_code'],
      reason_note: row.reasonNote,
      requested_by: { key_id: row.requestedById, name: row.requestedByName },
      scheduled_at: row.scheduledAt?.toISOString() ?? null,
      created_at: row.createdAt.toISOString(),
      finished_at: row.finishedAt?.toISOString() ?? null,
      summary: {
        total: row.steps.length,
        succeeded: inState('succeeded'),
        failed: inState('failed'),
        pending: inState('pending', 'running'),
        cancelled: inState('cancelled'),
      },
      steps: row.steps.map((step) => ({
        account_id: step.accountId,
        ref: `${step.provider}:${step.providerAccountId}`,
        provider: step.provider,
        platform: step.platform,
        username: step.username,
        state: step.state,
        outcome: step.state === 'succeeded' ? step.outcome : null,
        effect: step.effect,
        attempts: step.attempts,
        next_attempt_at: step.nextAttemptAt?.toISOString() ?? null,
        verified: step.verified,
        verified_at: step.verifiedAt?.toISOString() ?? null,
        last_error: step.lastError,
      })) as DisconnectAnswer['steps'],
    };
  }
}
