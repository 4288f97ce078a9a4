import type { AccountRow } from '../accounts/index.js';
import type { Transaction } from '../database/index.js';
import type { Disconnect, DisconnectStep } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import type { Signer } from '../lib/signature.js';
import type { DisconnectEffect } from '../model/index.js';
import type { Registry } from '../providers/index.js';
import { createDisconnect, type Reason } from './create-disconnect.js';
import { disconnectDocument, headDocument, receiptStepDocument } from './disconnect.documents.js';
import type { DisconnectRequest } from './disconnect.requests.js';
import type { DisconnectsRepository } from './disconnects.repository.js';
import { difference, hashOf, identityOf, planOf, refOf } from './plan.js';
import { planMismatch, selectAccounts } from './selection.js';
import type { DisconnectSettings } from './step-state.js';
import type { DisconnectWorker } from './worker.js';

const POLL_MS = 50;
/** Steps in one answer; the others are paged. */
const MAX_STEPS_LISTED = 200;
const MAX_STEPS_IN_LIST = 10;
const NAMED = 100;

/**
 * Accepts disconnects, waits for them, and reports their progress. The work itself is done by the
 * worker.
 */
export class DisconnectsService {
  constructor(
    private readonly parts: {
      readonly repository: DisconnectsRepository;
      readonly registry: Registry;
      readonly worker: DisconnectWorker;
      readonly signer: Signer;
      readonly clock: Clock;
      readonly settings: DisconnectSettings;
    },
  ) {}

  /**
   * Starts to disconnect one account, or joins what already does. Once the transaction has
   * committed, `wake` has the work begin.
   * @returns the disconnect's id
   */
  async disconnectAccount(
    { client }: Transaction,
    caller: Caller,
    found: AccountRow,
    reason: Reason,
  ): Promise<string> {
    const { repository, clock, settings } = this.parts;
    const effects = this.effectsOn([found]);
    const [account] = await repository.accountsOf(client, caller, [found.id]);
    if (!account) throw notFound(`Account ${found.id}`);
    const isEnding = account.status === 'disconnecting' || account.status === 'disconnected';
    if (isEnding && account.disconnect_id !== null) return account.disconnect_id;
    const intent = { caller, accounts: [account], effects, reason, scheduledAt: null };
    return createDisconnect(client, intent, clock.now(), settings.keepsTryingMs);
  }

  /** What a disconnect of these accounts would do. Nothing happens to them. */
  async plan({ client }: Transaction, caller: Caller, request: DisconnectRequest) {
    const { repository } = this.parts;
    const accounts = await selectAccounts(client, repository, caller, request);
    const plan = planOf(accounts, this.effectsOn(accounts));
    const remembered = accounts.map((account) => ({
      id: account.id,
      ref: refOf(account),
      identity: identityOf(account),
    }));
    await repository.rememberPlan(client, caller.teamId, plan.plan_hash, remembered);
    return plan;
  }

  /**
   * Accepts a disconnect of many accounts. Once the transaction has committed, `wake` has the work
   * begin.
   * @returns its id
   */
  async disconnectMany(
    { client, prisma }: Transaction,
    caller: Caller,
    request: DisconnectRequest,
  ): Promise<string> {
    const { repository, clock, settings } = this.parts;
    const scheduledAt = request.scheduled_at ?? null;
    if (scheduledAt !== null && scheduledAt <= clock.now())
      throw invalidField('scheduled_at', 'must be in the future');
    if (request.filter !== undefined && request.plan_hash === undefined) {
      throw invalidField(
        'plan_hash',
        'is required with `filter`: request the plan with dry_run first and review it',
      );
    }
    const reason = { code: request.reason_code, note: request.reason_note ?? null };
    const accounts = await selectAccounts(client, repository, caller, request);
    const effects = this.effectsOn(accounts);
    if (request.plan_hash !== undefined && request.plan_hash !== hashOf(accounts, effects)) {
      const planned = await repository.plan(prisma, caller, request.plan_hash);
      throw planMismatch(planned && difference(planned, accounts));
    }
    return createDisconnect(
      client,
      { caller, accounts, effects, reason, scheduledAt },
      clock.now(),
      settings.keepsTryingMs,
    );
  }

  /** Has the steps that are due begin now. */
  wake(): void {
    this.parts.worker.wakeSoon();
  }

  /** Waits until the disconnect has finished, `seconds` at most, or the caller disconnects. */
  async wait(id: string, seconds: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end && !signal.aborted) {
      if (await this.parts.repository.isFinished(id)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** @param transaction to see what it wrote */
  async get(caller: Caller, id: string, transaction?: Transaction) {
    return this.answer(await this.find(caller, id, transaction), MAX_STEPS_LISTED, transaction);
  }

  async answer(row: Disconnect, stepsShown = MAX_STEPS_IN_LIST, transaction?: Transaction) {
    const { repository } = this.parts;
    const counts = await repository.counts(row.id, transaction?.client);
    const steps = await repository.steps(
      row.id,
      undefined,
      undefined,
      stepsShown,
      transaction?.prisma,
    );
    return disconnectDocument(row, counts, steps);
  }

  /** @throws Problem 404 */
  async find(caller: Caller, id: string, transaction?: Transaction): Promise<Disconnect> {
    const row = await this.parts.repository.find(caller, id, transaction?.prisma);
    if (!row) throw notFound(`Disconnect ${id}`);
    return row;
  }

  /**
   * Stops the steps that have not started.
   * @throws Problem 409 when none is left to stop, naming those that are done
   */
  async cancel(transaction: Transaction, caller: Caller, id: string): Promise<void> {
    const row = await this.find(caller, id, transaction);
    if ((await this.parts.repository.cancel(transaction.client, caller, id)) > 0) return;
    const steps = await this.parts.repository.steps(
      row.id,
      ['succeeded', 'running', 'pending'],
      undefined,
      NAMED,
      transaction.prisma,
    );
    const isDone = (step: DisconnectStep) => step.state === 'succeeded' || step.phase === 'deleted';
    const refs = (chosen: readonly DisconnectStep[]) =>
      chosen.map((step) => `${step.provider}:${step.providerAccountId}`);
    const done = refs(steps.filter(isDone));
    const underWay = refs(steps.filter((step) => !isDone(step)));
    const reasons = [
      done.length > 0 && `already disconnected: ${done.join(', ')}`,
      underWay.length > 0 && `already in progress: ${underWay.join(', ')}`,
    ].filter((part) => part !== false);
    const why = reasons.length > 0 ? reasons.join('; ') : `the disconnect is ${row.state}`;
    throw new Problem(
      'conflict',
      `Nothing is left to cancel, and a disconnect cannot be undone: ${why}.`,
      {
        refs: [...done, ...underWay],
      },
    );
  }

  /**
   * Tries the failed steps again, from the next `wake` on.
   * @throws Problem 409 when there is no step to retry
   */
  async retry(transaction: Transaction, caller: Caller, id: string): Promise<void> {
    await this.find(caller, id, transaction);
    if ((await this.parts.repository.retry(transaction.client, caller, id)) === 0) {
      throw new Problem(
        'conflict',
        'No failed step can be retried. An account that was connected again needs a new disconnect.',
      );
    }
  }

  /** What an auditor keeps. @throws Problem 409 while the disconnect goes on */
  async receipt(caller: Caller, id: string) {
    const row = await this.find(caller, id);
    if (row.finishedAt === null)
      throw new Problem(
        'conflict',
        `The disconnect is ${row.state}. Its receipt is available once it has finished.`,
      );
    const { repository, signer } = this.parts;
    const [counts, steps] = await Promise.all([
      repository.counts(id),
      repository.steps(id, undefined, undefined, Number.MAX_SAFE_INTEGER),
    ]);
    const document = {
      ...headDocument(row, counts),
      team_id: row.teamId,
      steps: steps.map(receiptStepDocument),
    };
    // What is signed is what is sent: values as JSON has them.
    const receipt: unknown = JSON.parse(JSON.stringify(document));
    return { type: 'disconnect_receipt' as const, receipt, signature: signer.sign(receipt) };
  }

  /** Makes the steps that wait for a working key due. */
  async resume(connectionId: string): Promise<void> {
    await this.parts.repository.resume(connectionId);
    this.parts.worker.wakeSoon();
  }

  /** Starts the scheduled disconnects that are due, and finishes what a crash left open. */
  async startDue(): Promise<void> {
    await this.parts.repository.startDue();
    await this.parts.worker.wake();
  }

  /**
   * What a disconnect does at each provider among the accounts.
   * @throws Problem 422 for one that has none over its API
   */
  private effectsOn(accounts: readonly AccountRow[]): ReadonlyMap<string, DisconnectEffect> {
    const providers = [...new Set(accounts.map(({ provider }) => provider))].sort();
    return new Map(
      providers.map((provider) => {
        const adapter = this.parts.registry.get(provider);
        if (!adapter?.operations.disconnect) {
          throw new Problem(
            'operation_not_supported',
            `${provider} cannot disconnect accounts over its API. Disconnect them in its dashboard.`,
          );
        }
        return [provider, adapter.disconnectEffect];
      }),
    );
  }
}
