import { z } from 'zod';
import type { AccountsService } from '../accounts/index.js';
import type { Transaction } from '../database/index.js';
import type { Answer } from '../http/answer.js';
import type { Committed } from '../http/commit.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listOf } from '../http/page.js';
import { waitPreference } from '../http/prefer.js';
import { type AnyCall, action, endpoint } from '../http/route.js';
import { byAccount, byId } from '../http/validate.js';
import type { DatedKey } from '../lib/signature.js';
import { byProfile } from '../profiles/index.js';
import {
  disconnectAccountQuery,
  disconnectRequest,
  disconnectsQuery,
  stepsQuery,
} from './disconnects.requests.js';
import {
  disconnectSchema,
  planSchema,
  receiptSchema,
  stepSchema,
  wellKnownSchema,
} from './disconnects.schema.js';
import type { DisconnectsService } from './disconnects.service.js';

const MAX_WAIT_SECONDS = 30;
/** One account is usually done within it; many are not. */
const DEFAULT_WAIT_SECONDS = { one: 10, many: 0 };
const one = dataOf(disconnectSchema);

interface DisconnectEndpointsParts {
  readonly disconnects: DisconnectsService;
  readonly accounts: AccountsService;
  readonly cursors: Cursors;
  readonly providerIds: readonly string[];
  readonly receiptKeys: () => Promise<DatedKey[]>;
}

export function disconnectEndpoints(parts: DisconnectEndpointsParts) {
  const { disconnects, accounts, cursors, providerIds, receiptKeys } = parts;

  /**
   * Starts or continues a disconnect, waits as the caller prefers, and answers 200 with the
   * finished disconnect or 202 while it is running.
   * @param begin gives the disconnect's id
   */
  const commitAndWait = async (
    call: AnyCall,
    defaultSeconds: number,
    begin: (transaction: Transaction) => Promise<string>,
  ): Promise<Committed> => {
    const preference = waitPreference(call.prefer, defaultSeconds, MAX_WAIT_SECONDS);
    const answer = async (id: string, transaction?: Transaction): Promise<Answer> => {
      const data = await disconnects.get(call.caller, id, transaction);
      const headers = {
        Location: `/v1/disconnects/${id}`,
        ...(preference.applied !== undefined && { 'Preference-Applied': preference.applied }),
      };
      return { status: data.finished_at === null ? 202 : 200, body: { data }, headers };
    };
    let id = '';
    const accept = async (transaction: Transaction) => {
      id = await begin(transaction);
      return answer(id, transaction);
    };
    return call.commit(accept, async () => {
      disconnects.wake();
      await disconnects.wait(call.caller, id, preference.seconds, call.signal);
      return answer(id);
    });
  };

  return {
    disconnectAccount: endpoint({
      summary: 'Disconnect an account',
      params: byAccount,
      query: disconnectAccountQuery,
      answers: { 200: one, 202: one },
      problems: ['conflict', 'ambiguous_reference', 'operation_not_supported'],
      handle: async (call) => {
        const reason = { code: call.query.reason_code, note: call.query.reason_note ?? null };
        const account = await accounts.find(call.caller, call.params.id);
        return commitAndWait(call, DEFAULT_WAIT_SECONDS.one, (transaction) =>
          disconnects.disconnectAccount(transaction, call.caller, account, reason),
        );
      },
    }),

    disconnectProfile: endpoint({
      summary: 'Disconnect the accounts of a profile at every provider',
      description:
        'Disconnects the accounts that an equal platform id or a person ties to the profile, or its only account. Accounts that only a handle ties to ' +
        'it stay connected: `POST /v1/disconnects` with `profile_id` and `include_weak` disconnects them too.',
      params: byProfile,
      query: disconnectAccountQuery,
      answers: { 200: one, 202: one },
      problems: ['conflict', 'operation_not_supported'],
      handle: async (call) => {
        const reason = { code: call.query.reason_code, note: call.query.reason_note ?? null };
        return commitAndWait(call, DEFAULT_WAIT_SECONDS.one, (transaction) =>
          disconnects.disconnectProfile(transaction, call.caller, call.params.id, reason),
        );
      },
    }),

    disconnectMany: action({
      summary: 'Disconnect many accounts, or plan it with `dry_run`',
      body: disconnectRequest(providerIds),
      answers: { 200: dataOf(z.union([disconnectSchema, planSchema])), 202: one },
      problems: ['conflict', 'ambiguous_reference', 'operation_not_supported', 'plan_mismatch'],
      handle: (call) =>
        call.body.dry_run
          ? call.commit(async (transaction) => ({
              status: 200,
              body: { data: await disconnects.plan(transaction, call.caller, call.body) },
            }))
          : commitAndWait(call, DEFAULT_WAIT_SECONDS.many, (transaction) =>
              disconnects.disconnectMany(transaction, call.caller, call.body),
            ),
    }),

    list: endpoint({
      summary: 'List disconnects, newest first, each with its first steps',
      isVersioned: true,
      query: disconnectsQuery,
      answers: { 200: listOf(disconnectSchema) },
      handle: (call) => {
        const { limit: _limit, cursor: _cursor, include_total: _total, ...filter } = call.query;
        return answerPage(call, cursors, filter, disconnects.list(call.caller, filter));
      },
    }),

    get: endpoint({
      summary: 'Get a disconnect and its first steps',
      params: byId,
      answers: { 200: one },
      handle: async (call) => ({
        status: 200,
        body: { data: await disconnects.get(call.caller, call.params.id) },
      }),
    }),

    steps: endpoint({
      summary: 'List all steps of a disconnect',
      isVersioned: true,
      params: byId,
      query: stepsQuery,
      answers: { 200: listOf(stepSchema) },
      handle: async (call) => {
        const { state } = call.query;
        const steps = await disconnects.listSteps(call.caller, call.params.id, state);
        return answerPage(call, cursors, { ...(state && { state }) }, steps);
      },
    }),

    cancel: action({
      summary:
        'Cancel the steps that have not started; their accounts return to their former status',
      params: byId,
      answers: { 200: one },
      problems: ['conflict'],
      handle: (call) =>
        call.commit(async (transaction) => {
          await disconnects.cancel(transaction, call.caller, call.params.id);
          return {
            status: 200,
            body: { data: await disconnects.get(call.caller, call.params.id, transaction) },
          };
        }),
    }),

    approve: action({
      summary:
        'Approve a disconnect that waits for approval; it starts at its scheduled time, or at once if that is past',
      description:
        'A disconnect is `awaiting_approval` when an agent asked for it and no person has confirmed it, or when it was ' +
        'scheduled and its key was revoked before it started: any key with `admin` approves ' +
        'it, except the one that requested it and those that are restricted to some providers. Cancel it if nothing should happen.',
      params: byId,
      answers: { 200: one, 202: one },
      problems: ['conflict'],
      handle: (call) =>
        commitAndWait(call, DEFAULT_WAIT_SECONDS.many, async (transaction) => {
          await disconnects.approve(transaction, call.caller, call.params.id);
          return call.params.id;
        }),
    }),

    retry: action({
      summary: 'Retry the failed steps',
      params: byId,
      answers: { 200: one, 202: one },
      problems: ['conflict'],
      handle: (call) =>
        commitAndWait(call, DEFAULT_WAIT_SECONDS.many, async (transaction) => {
          await disconnects.retry(transaction, call.caller, call.params.id);
          return call.params.id;
        }),
    }),

    receipt: endpoint({
      summary: 'Get the signed receipt of a finished disconnect',
      params: byId,
      answers: { 200: dataOf(receiptSchema) },
      problems: ['conflict'],
      handle: async (call) => ({
        status: 200,
        body: { data: await disconnects.receipt(call.caller, call.params.id) },
      }),
    }),

    wellKnown: endpoint({
      summary:
        'Get the public keys that verify receipts, former ones with the time until which they signed',
      answers: { 200: wellKnownSchema },
      handle: async () => ({
        status: 200,
        body: { service: 'rollcall', keys: await receiptKeys() },
        headers: { 'Cache-Control': 'public, max-age=3600' },
      }),
    }),
  };
}
