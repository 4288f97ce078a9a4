import type pg from 'pg';
import type { Caller } from '../http/caller.js';
import { invalidField, Problem, retryLater } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { isObject } from '../lib/is-object.js';
import type { Sealer } from '../lib/seal.js';
import type { Confirmation, ConfirmationsRepository } from './confirmations.repository.js';
import type { DisconnectRequest } from './disconnects.requests.js';

/** How long a plan can be carried out. */
const GOOD_FOR_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const BOUND_TO = 'confirmation of a disconnect';

/** What agents may disconnect. */
export interface AgentLimits {
  /** Accounts in one plan. */
  readonly planAccounts: number;
  /** Accounts that one key disconnects through agents in an hour. */
  readonly hourAccounts: number;
}

export const DEFAULT_AGENT_LIMITS: AgentLimits = { planAccounts: 25, hourAccounts: 100 };

interface AgentPlansParts {
  readonly confirmations: ConfirmationsRepository;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly limits: AgentLimits;
}

/** What a plan says that an agent may carry out. */
interface MadePlan {
  readonly plan_hash: string;
  readonly totals: { readonly total: number; readonly also_ends: number };
  readonly accounts: readonly { readonly account_id: string }[];
}

/** A request in which the plan of an earlier one is put in place of its token. */
interface Opened {
  readonly request: DisconnectRequest;
  /** Absent: the request has no token. */
  readonly confirmation?: Confirmation;
}

/**
 * Plans that agents make and carry out. The token of a plan names its principal, the plan and its
 * end, sealed; the database has it carried out once.
 */
export class AgentPlans {
  constructor(private readonly parts: AgentPlansParts) {}

  /**
   * Puts what was planned in place of its token, and locks it.
   * @throws Problem 422 for a token that is not this key's, or no longer good; 409 for a used one
   */
  async open(client: pg.ClientBase, caller: Caller, request: DisconnectRequest): Promise<Opened> {
    const { confirmation_token: token, plan_hash: planHash } = request;
    if (token === undefined) return { request };
    const { clock, confirmations } = this.parts;
    const id = this.idIn(token, caller);
    const confirmation = id && (await confirmations.lock(client, caller, id));
    if (!confirmation)
      throw invalidField(
        'confirmation_token',
        'was not issued to this key, or was altered. Plan again with dry_run',
      );
    if (confirmation.usedAt !== null)
      throw new Problem(
        'conflict',
        `confirmation_token: was already used, for ${confirmation.disconnectId}. Check that disconnect, or plan again.`,
      );
    if (confirmation.expiresAt <= clock.now())
      throw invalidField('confirmation_token', 'has expired. Plan again with dry_run');
    if (confirmation.planHash !== planHash)
      throw new Problem(
        'plan_mismatch',
        'plan_hash: does not belong to the plan that the confirmation_token is for. Plan again with dry_run.',
        { errors: [{ field: 'plan_hash', message: 'does not belong to the token' }] },
      );
    return { request: { ...request, ...confirmation.request }, confirmation };
  }

  /**
   * Offers a plan to be carried out, or has a person asked about one that was offered.
   * @throws Problem 422 when it is too large, 429 over the budget, 409 when a person was asked before
   */
  async offer(
    client: pg.ClientBase,
    caller: Caller,
    { request, confirmation }: Opened,
    plan: MadePlan,
  ) {
    const { clock, confirmations, limits } = this.parts;
    const now = clock.now();
    const count = plan.totals.total + plan.totals.also_ends;
    if (confirmation !== undefined) {
      if (confirmation.shownAt !== null)
        throw new Problem(
          'conflict',
          'confirmation_token: a person was already asked about this plan. Plan again if the person still wants it.',
        );
      await confirmations.noteShown(client, confirmation.id, now);
      const { expiresAt } = confirmation;
      return {
        token: request.confirmation_token ?? '',
        expires_at: expiresAt.toISOString(),
        count,
      };
    }
    if (count > limits.planAccounts)
      throw invalidField(
        request.account_ids ? 'account_ids' : request.filter ? 'filter' : 'profile_id',
        `names ${count} accounts: an agent may plan ${limits.planAccounts} at once. Name fewer, or have a person do it`,
      );
    await this.checkBudget(client, caller, count);
    const { reason_code, reason_note, profile_id, include_weak } = request;
    const chosen =
      profile_id === undefined
        ? { account_ids: plan.accounts.map(({ account_id }) => account_id), include_weak: false }
        : { profile_id, include_weak };
    const made: Confirmation = {
      id: newId('conf'),
      planHash: plan.plan_hash,
      request: { ...chosen, reason_code, reason_note },
      count,
      expiresAt: new Date(now.getTime() + GOOD_FOR_MS),
      ...{ shownAt: null, usedAt: null, disconnectId: null },
    };
    await confirmations.create(client, caller, made, request.agent?.client ?? '', now);
    return {
      token: this.tokenOf(made, caller),
      expires_at: made.expiresAt.toISOString(),
      count,
    };
  }

  /**
   * Checks what is about to be carried out.
   * @returns whether a person has confirmed it
   * @throws Problem 422 for another number of accounts, 429 over the budget
   */
  async check(
    client: pg.ClientBase,
    caller: Caller,
    request: DisconnectRequest,
    { count }: Confirmation,
  ): Promise<boolean> {
    const { confirmed_count: typed } = request;
    if (typed !== undefined && typed !== count)
      throw invalidField('confirmed_count', 'is not the number of accounts; nothing was done');
    await this.checkBudget(client, caller, count);
    return typed !== undefined;
  }

  /** It is carried out: its token is good for nothing more. */
  async use(client: pg.ClientBase, { id }: Confirmation, disconnectId: string): Promise<void> {
    const { clock, confirmations } = this.parts;
    await confirmations.noteUsed(client, id, disconnectId, clock.now());
  }

  /** Deletes plans that no budget counts any more. */
  async prune(): Promise<void> {
    const { clock, confirmations } = this.parts;
    await confirmations.deleteBefore(new Date(clock.now().getTime() - 24 * HOUR_MS));
  }

  private async checkBudget(client: pg.ClientBase, caller: Caller, count: number): Promise<void> {
    const { clock, confirmations, limits } = this.parts;
    const now = clock.now().getTime();
    const since = new Date(now - HOUR_MS);
    const { accounts, first } = await confirmations.countUsed(client, caller.key.id, since);
    if (accounts + count <= limits.hourAccounts) return;
    const seconds = first === null ? HOUR_MS / 1000 : (first.getTime() + HOUR_MS - now) / 1000;
    throw retryLater(
      'rate_limited',
      `Agents have disconnected ${accounts} accounts with this key within an hour, and may ${limits.hourAccounts}; this is for ${count}.`,
      Math.max(1, Math.ceil(seconds)),
    );
  }

  private tokenOf({ id, planHash, expiresAt }: Confirmation, caller: Caller): string {
    const facts = { id, key: caller.key.id, team: caller.teamId, plan: planHash, until: expiresAt };
    const sealed = this.parts.sealer.seal(JSON.stringify(facts), BOUND_TO);
    return `dct_${Buffer.from(sealed).toString('base64url')}`;
  }

  /** @returns `undefined` for a token that is not one of ours, or of another principal */
  private idIn(token: string, caller: Caller): string | undefined {
    const sealed = Buffer.from(token.replace(/^dct_/, ''), 'base64url');
    const { sealer } = this.parts;
    if (!token.startsWith('dct_') || !sealer.canOpen(sealed, BOUND_TO)) return undefined;
    const facts: unknown = JSON.parse(sealer.open(sealed, BOUND_TO));
    const isTheirs = isObject(facts) && facts.key === caller.key.id && facts.team === caller.teamId;
    return isTheirs ? String(facts.id) : undefined;
  }
}
