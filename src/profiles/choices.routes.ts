import type { AccountsService } from '../accounts/index.js';
import type { Transaction } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import { dataOf } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { type AnyCall, action, endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import {
  accountProfileRequest,
  byEntry,
  byProfile,
  type ChoiceAnswer,
  choiceSchema,
  mergeRequest,
  revertRequest,
  splitRequest,
} from './choices.schema.js';
import type { ChoicesService } from './choices.service.js';
import type { ProfilesService } from './profiles.service.js';

const answers = { 200: dataOf(choiceSchema) };

/** Translates HTTP for people's choices about profiles. */
export function choiceEndpoints(
  choices: ChoicesService,
  profiles: ProfilesService,
  accounts: AccountsService,
) {
  /** The profile as the transaction leaves it, if it still is. */
  const findProfile = async (caller: Caller, id: string, { client }: Transaction) => {
    try {
      const found = await profiles.find(caller, id, client);
      return 'mergedInto' in found ? null : found;
    } catch (error) {
      if (error instanceof Problem) return null;
      throw error;
    }
  };

  const commit = (call: AnyCall, choose: (transaction: Transaction) => Promise<ChoiceAnswer>) =>
    call.commit(async (transaction) => {
      const done = await choose(transaction);
      const profile = done.dry_run
        ? null
        : await findProfile(call.caller, done.profile_id, transaction);
      return { status: 200, body: { data: { ...done, profile } } };
    });

  return {
    move: endpoint({
      summary:
        "Move an account to another profile, split it off, or withdraw people's choices about it",
      description:
        'Manual choices take precedence over ids and usernames, and outlive sweeps and disconnects. Only this account ' +
        'moves, and what a username alone tied to it, which goes where it fits. `If-Match` takes the ETag of `GET /v1/accounts/{id}`.',
      params: byAccount,
      body: accountProfileRequest,
      answers,
      problems: ['conflict', 'ambiguous_reference'],
      handle: async (call) => {
        const account = await accounts.findConnected(call.caller, call.params.id);
        return commit(call, (transaction) =>
          choices.move(transaction, call.caller, account, call.body),
        );
      },
    }),

    merge: action({
      summary: 'Merge two profiles',
      description:
        'The id of the older profile stays, whichever of the two is in the path; the other id redirects to it from then on.',
      params: byProfile,
      body: mergeRequest,
      answers,
      problems: ['conflict'],
      handle: (call) =>
        commit(call, (transaction) =>
          choices.merge(transaction, call.caller, call.params.id, call.body),
        ),
    }),

    split: action({
      summary: 'Take accounts out of a profile, together',
      params: byProfile,
      body: splitRequest,
      answers,
      problems: ['conflict'],
      handle: (call) =>
        commit(call, (transaction) =>
          choices.split(transaction, call.caller, call.params.id, call.body),
        ),
    }),

    revert: action({
      summary: 'Revert a manual choice of the history of a profile',
      params: byEntry,
      body: revertRequest,
      answers,
      problems: ['conflict', 'operation_not_supported'],
      handle: (call) =>
        commit(call, (transaction) =>
          choices.revert(transaction, call.caller, call.params, call.body),
        ),
    }),
  };
}
