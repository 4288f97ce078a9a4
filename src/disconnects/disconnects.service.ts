import type pg from 'pg';
import type { AccountRow } from '../accounts/index.js';
import type { Transaction } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import type { List } from '../http/page.js';
import { invalidField, MAX_REFS, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import type { Signer } from '../lib/signature.js';
import { isStorable } from '../lib/text.js';
import type { DisconnectEffect } from '../model/index.js';
import type { ReadWholeProfile } from '../profiles/index.js';
import type { Registry } from '../providers/index.js';
import type { AgentPlans } from './agent-plans.js';
import type { ApprovalsRepository } from './approvals.repository.js';
import { atCrashPoint } from './crash-points.js';
import type {
  DisconnectFilter,
  DisconnectState,
  DisconnectsRepository,
} from './disconnects.repository.js';
import type { DisconnectRequest } from './disconnects.requests.js';
import type { DisconnectBody } from './disconnects.schema.js';
import type { LifecycleRepository, Reason } from './lifecycle.repository.js';
import { difference, hashOf, plannedOf, planOf } from './plan.js';
import type { PlansRepository } from './plans.repository.js';
import { isEnding, ofProfile, planMismatch, selectAccounts } from './selection.js';
import type { DisconnectSettings } from './step-state.js';
import type { StepsRepository } from './steps.repository.js';

const POLL_MS = 50;
/** Steps in one answer; the others are paged. */
const MAX_STEPS_SHOWN = 200;
const MAX_STEPS_IN_LIST = 10;
/** Scheduled disconnects of one team, and the accounts in them. */
const MAX_SCHEDULED = 100;
const MAX_SCHEDULED_ACCOUNTS = 50_000;
const PLAN_RETENTION_MS = 24 * 3_600_000;

interface DisconnectsServiceParts {
  readonly disconnects: DisconnectsRepository;
  readonly plans: PlansRepository;
  readonly lifecycle: LifecycleRepository;
  readonly approvals: ApprovalsRepository;
  readonly agentPlans: AgentPlans;
  readonly steps: StepsRepository;
  readonly readWholeProfile: ReadWholeProfile;
  readonly registry: Registry;
  /** Has due steps begin now. */
  readonly wake: () => void;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly settings: DisconnectSettings;
}

/**
 * Accepts disconnects, waits for them, and reports their progress. The work itself is done by the
 * worker.
 */
export class DisconnectsService {
  constructor(private readonly parts: DisconnectsServiceParts) {}

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
    const { clock, lifecycle, plans } = this.parts;
    const effects = this.effectsOn([found]);
    const [account] = await plans.lockNamed(client, caller, [found.id]);
    if (!account) throw notFound(`Account ${found.id}`);
    if (isEnding(account) && account.disconnect_id !== null) return account.disconnect_id;
    const intent = { caller, accounts: [account], effects, reason, scheduledAt: null };
    return lifecycle.createDisconnect(client, intent, clock.now());
  }

  /**
   * Starts to disconnect the accounts of a profile that more than a handle ties to it, or joins what
   * already does.
   * @returns the disconnect's id
   * @throws Problem 404; 409 for a former profile; 422 where a handle alone ties the accounts
   */
  async disconnectProfile(
    { client }: Transaction,
    caller: Caller,
    profileId: string,
    reason: Reason,
  ): Promise<string> {
    const { clock, lifecycle, plans, readWholeProfile } = this.parts;
    if (!isStorable(profileId)) throw notFound(`Profile ${profileId}`);
    const last = await plans.findLastOf(client, caller, profileId);
    // A profile that ended with its accounts has nothing left to lock or to report.
    const isOver = last !== undefined && !(await plans.isThere(client, profileId));
    const members = isOver ? [] : await readWholeProfile(client, caller, profileId);
    if (members === undefined) throw notFound(`Profile ${profileId}`);
    const meant = members.flatMap(({ id, match }) => (match === 'weak' ? [] : [id]));
    if (last !== undefined && meant.length === 0) return last;
    const joined = await plans.findDisconnecting(client, caller.teamId, meant);
    if (joined !== undefined) return joined;
    const { accounts } = await ofProfile(client, plans, caller, members, false);
    const effects = this.effectsOn(accounts);
    const intent = { caller, accounts, effects, reason, scheduledAt: null, profileId };
    return lifecycle.createDisconnect(client, intent, clock.now());
  }

  /** What a disconnect of these accounts would do. Nothing happens to them. */
  async plan({ client, prisma }: Transaction, caller: Caller, asked: DisconnectRequest) {
    const { agentPlans, clock, plans } = this.parts;
    const opened = await agentPlans.open(client, caller, asked);
    const { request, confirmation } = opened;
    const selection = await selectAccounts(client, this.parts, caller, request);
    const { accounts } = selection;
    const effects = this.effectsOn(accounts);
    const plan = planOf(selection, effects, await plans.findAlsoEnding(client, accounts, effects));
    if (confirmation && confirmation.planHash !== plan.plan_hash) {
      const planned = await plans.find(prisma, caller, confirmation.planHash);
      throw planMismatch(planned && difference(planned, selection), 'confirmation_token');
    }
    await plans.save(client, caller.teamId, plan.plan_hash, plannedOf(selection), clock.now());
    if (asked.agent === undefined && confirmation === undefined) return plan;
    return { ...plan, confirmation: await agentPlans.offer(client, caller, opened, plan) };
  }

  /**
   * Accepts a disconnect of many accounts. Once the transaction has committed, `wake` has the work
   * begin.
   * @returns its id
   */
  async disconnectMany(
    { client, prisma }: Transaction,
    caller: Caller,
    asked: DisconnectRequest,
  ): Promise<string> {
    const { agentPlans, approvals, clock, lifecycle, plans } = this.parts;
    const { request, confirmation } = await agentPlans.open(client, caller, asked);
    const scheduledAt = request.scheduled_at ?? null;
    if (scheduledAt !== null && scheduledAt <= clock.now())
      throw invalidField('scheduled_at', 'must be in the future');
    if (request.plan_hash === undefined && (request.filter !== undefined || request.include_weak)) {
      const field = request.filter === undefined ? 'include_weak' : 'filter';
      throw invalidField(
        'plan_hash',
        `is required with \`${field}\`: request the plan with dry_run first and review it`,
      );
    }
    const reason = { code: request.reason_code, note: request.reason_note ?? null };
    const selection = await selectAccounts(client, this.parts, caller, request);
    const { accounts } = selection;
    if (scheduledAt !== null) await this.checkRoom(client, caller.teamId, accounts.length);
    const effects = this.effectsOn(accounts);
    const alsoEnding = await plans.findAlsoEnding(client, accounts, effects);
    const hash = hashOf(selection, effects, alsoEnding);
    if (request.plan_hash !== undefined && request.plan_hash !== hash) {
      const planned = await plans.find(prisma, caller, request.plan_hash);
      const field = request.profile_id === undefined ? 'filter' : 'profile_id';
      throw planMismatch(planned && difference(planned, selection), field);
    }
    const { profile_id: profileId } = request;
    const intent = {
      ...{ caller, accounts, effects, reason, scheduledAt },
      ...(profileId !== undefined && { profileId }),
    };
    const now = clock.now();
    if (confirmation === undefined) return lifecycle.createDisconnect(client, intent, now);
    const isConfirmed = await agentPlans.check(client, caller, request, confirmation);
    if (!isConfirmed) await this.checkRoom(client, caller.teamId, accounts.length);
    const agent = { client: request.agent?.client ?? '', isConfirmed };
    const id = await lifecycle.createDisconnect(client, { ...intent, agent }, now);
    if (!isConfirmed) await approvals.holdForAgent(client, caller, id, now);
    await agentPlans.use(client, confirmation, id);
    return id;
  }

  /** Has the steps that are due begin now. */
  wake(): void {
    this.parts.wake();
  }

  /** Waits until the disconnect has finished, `seconds` at most, or the caller disconnects. */
  async wait(caller: Caller, id: string, seconds: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end && !signal.aborted) {
      if ((await this.requireState(caller, id)).isFinished) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /**
   * @param transaction to see what it wrote
   * @throws Problem 404
   */
  async get(caller: Caller, id: string, transaction?: Transaction): Promise<DisconnectBody> {
    const { disconnects } = this.parts;
    const found = await disconnects.find(caller, id, MAX_STEPS_SHOWN, transaction?.client);
    if (!found) throw notFound(`Disconnect ${id}`);
    return found;
  }

  /** The disconnects that the caller may see, newest first, each with its first steps. */
  list(caller: Caller, filter: DisconnectFilter): List {
    const { disconnects } = this.parts;
    return {
      read: (page) => disconnects.page(caller, filter, MAX_STEPS_IN_LIST, page),
      count: () => disconnects.count(caller, filter),
    };
  }

  /** The steps of a disconnect. @param states all when left out @throws Problem 404 */
  async listSteps(
    caller: Caller,
    id: string,
    states: readonly string[] | undefined,
  ): Promise<List> {
    const { disconnects } = this.parts;
    await this.requireState(caller, id);
    return {
      read: (page) => disconnects.stepsPage(caller, id, states, page),
      count: () => disconnects.countSteps(caller, id, states),
    };
  }

  /**
   * Stops the steps that have not started.
   * @throws Problem 404, or 409 when none is left to stop, naming those that are done
   */
  async cancel(transaction: Transaction, caller: Caller, id: string): Promise<void> {
    const { clock, disconnects, lifecycle } = this.parts;
    const { client } = transaction;
    const { state } = await this.requireState(caller, id, transaction);
    if ((await lifecycle.cancel(client, caller, id, clock.now())) > 0) return;
    const steps = await disconnects.startedSteps(client, caller, id, MAX_REFS);
    const done = steps.filter(({ isDone }) => isDone).map(({ ref }) => ref);
    const underWay = steps.filter(({ isDone }) => !isDone).map(({ ref }) => ref);
    const reasons = [
      done.length > 0 && `already disconnected: ${done.join(', ')}`,
      underWay.length > 0 && `already in progress: ${underWay.join(', ')}`,
    ].filter((part) => part !== false);
    const why = reasons.length > 0 ? reasons.join('; ') : `the disconnect is ${state}`;
    throw new Problem(
      'conflict',
      `Nothing is left to cancel, and a disconnect cannot be undone: ${why}.`,
      {
        refs: [...done, ...underWay],
      },
    );
  }

  /**
   * Approves a disconnect that waits for it: it starts at its time, which may be now.
   * @throws Problem 404, 403 for the key that asked, one that it made or one that may not see all of it, or 409 when it does not wait
   */
  async approve(transaction: Transaction, caller: Caller, id: string): Promise<void> {
    const { approvals, clock, lifecycle } = this.parts;
    const { client } = transaction;
    const { state } = await this.requireState(caller, id, transaction);
    if (caller.key.providers.length > 0)
      throw new Problem(
        'forbidden',
        'A key that is restricted to some providers cannot approve disconnects. Use one without that restriction.',
      );
    const awaiting = await approvals.lockAwaiting(client, id);
    if (!awaiting)
      throw new Problem('conflict', `The disconnect is ${state} and waits for no approval.`);
    if (await approvals.isOwn(client, caller.key.id, awaiting.requestedById))
      throw new Problem(
        'forbidden',
        'The key that requested a disconnect cannot approve it, nor can a key that it created. Use another key.',
      );
    const now = clock.now();
    const actor = await approvals.approve(client, caller, id, now);
    if (awaiting.scheduledAt === null || awaiting.scheduledAt <= now)
      await lifecycle.begin(client, { id, actor }, now);
  }

  /**
   * Tries the failed steps again, from the next `wake` on.
   * @throws Problem 409 when there is no step to retry
   */
  async retry(transaction: Transaction, caller: Caller, id: string): Promise<void> {
    const { clock, lifecycle } = this.parts;
    await this.requireState(caller, id, transaction);
    if ((await lifecycle.retry(transaction.client, caller, id, clock.now())) === 0) {
      throw new Problem(
        'conflict',
        'No failed step can be retried. An account that was connected again needs a new disconnect.',
      );
    }
  }

  /** What an auditor keeps. @throws Problem 404, or 409 while the disconnect goes on */
  async receipt(caller: Caller, id: string) {
    const { disconnects, signer } = this.parts;
    const { state, isFinished } = await this.requireState(caller, id);
    if (!isFinished)
      throw new Problem(
        'conflict',
        `The disconnect is ${state}. Its receipt is available once it has finished.`,
      );
    const receipt = await disconnects.receipt(caller, id);
    return { type: 'disconnect_receipt' as const, receipt, signature: signer.sign(receipt) };
  }

  /** Makes the steps that wait for a working key due. */
  async resume(connectionId: string): Promise<void> {
    await this.parts.steps.resume(connectionId);
    this.parts.wake();
  }

  /**
   * Has those scheduled disconnects wait whose key was revoked since, and starts those that are due,
   * each in a transaction of its own, as it may be of many accounts; and finishes what a crash left
   * open.
   */
  async startDue(): Promise<void> {
    const { approvals, clock, lifecycle, wake } = this.parts;
    const now = clock.now();
    await approvals.holdUnauthorized(now);
    for (const due of await lifecycle.findDue(now))
      await atCrashPoint('start', () => lifecycle.start(due, now));
    await lifecycle.finishEnded(null, now);
    wake();
  }

  /** Deletes finished disconnects and disconnected accounts after their time, and old plans. */
  async prune(): Promise<void> {
    const { clock, lifecycle, plans, settings } = this.parts;
    const now = clock.now().getTime();
    const before = new Date(now - settings.retentionDays * 86_400_000);
    await plans.deleteBefore(new Date(now - PLAN_RETENTION_MS));
    await this.parts.agentPlans.prune();
    await lifecycle.deleteFinished(before);
    await lifecycle.deleteDisconnectedAccounts(before);
  }

  /** @throws Problem 404 */
  private async requireState(
    caller: Caller,
    id: string,
    transaction?: Transaction,
  ): Promise<DisconnectState> {
    const state = await this.parts.disconnects.findState(caller, id, transaction?.client);
    if (state === undefined) throw notFound(`Disconnect ${id}`);
    return state;
  }

  /** @throws Problem 409 when the team has scheduled as much as it may */
  private async checkRoom(client: pg.ClientBase, teamId: string, added: number): Promise<void> {
    const open = await this.parts.plans.countScheduledToAdd(client, teamId);
    if (open.disconnects < MAX_SCHEDULED && open.accounts + added <= MAX_SCHEDULED_ACCOUNTS) return;
    throw new Problem(
      'conflict',
      `The team may have ${MAX_SCHEDULED} scheduled disconnects of ${MAX_SCHEDULED_ACCOUNTS} accounts. Cancel some, or wait until they have started.`,
    );
  }

  /**
   * What a disconnect does at each provider among the accounts.
   * @throws Problem 422 for one that has none over its API
   */
  private effectsOn(accounts: readonly AccountRow[]): ReadonlyMap<string, DisconnectEffect> {
    const providers = [...new Set(accounts.map(({ provider }) => provider))].sort();
    return new Map(
      providers.map((provider) => {
        const adapter = this.parts.registry.require(provider);
        if (!adapter.operations.disconnect) {
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
