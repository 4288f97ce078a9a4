import { z } from 'zod';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { byId, paging } from '../http/validate.js';
import type { KeysService } from './keys.service.js';
import { keyRequest, keysQuery, revokeQuery, teamRequest } from './teams.requests.js';
import {
  keySchema,
  keyWithSecret,
  teamSchema,
  toKey,
  toTeam,
  toWhoami,
  whoamiSchema,
} from './teams.schema.js';
import type { TeamsService } from './teams.service.js';

const pageQuery = z.strictObject(paging);
const ONLY_WEAKER =
  'A key that is restricted to some providers sees only keys that see no other providers.';

interface TeamEndpointsParts {
  readonly teams: TeamsService;
  readonly keys: KeysService;
  readonly cursors: Cursors;
  readonly providerIds: readonly string[];
}

export function teamEndpoints({ teams, keys, cursors, providerIds }: TeamEndpointsParts) {
  return {
    whoami: endpoint({
      summary: "Get the caller's team and key",
      answers: {
        200: dataOf(whoamiSchema),
      },
      handle: async ({ caller }) => ({ status: 200, body: { data: toWhoami(caller) } }),
    }),
    listKeys: endpoint({
      summary: "List the team's keys, without their secrets",
      description: ONLY_WEAKER,
      query: keysQuery,
      answers: { 200: listOf(keySchema) },
      handle: (call) => {
        const { created_by } = call.query;
        const rows = keys.list(call.caller, created_by);
        return answerPage(
          call,
          cursors,
          { ...(created_by && { created_by }) },
          listById(rows, toKey),
        );
      },
    }),
    createKey: action({
      summary: 'Create a key; it is shown only in this response',
      description: 'A team may have 200 keys that are not revoked.',
      body: keyRequest(providerIds),
      answers: { 201: dataOf(keyWithSecret) },
      problems: ['conflict'],
      handle: (call) =>
        call.commit(async (transaction) => {
          const { row, key } = await keys.create(transaction, call.caller, call.body);
          const headers = { Location: `/v1/keys/${row.id}`, 'Cache-Control': 'no-store' };
          return { status: 201, body: { data: { ...toKey(row), key } }, headers };
        }),
    }),
    getKey: endpoint({
      summary: 'Get a key, without its secret',
      params: byId,
      answers: { 200: dataOf(keySchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: toKey(await keys.get(call.caller, call.params.id)) },
      }),
    }),
    revokeKey: endpoint({
      summary: 'Revoke a key immediately; its streams end within five seconds',
      description: `${ONLY_WEAKER} Disconnects that a revoked key scheduled wait for an administrator.`,
      params: byId,
      query: revokeQuery,
      answers: { 204: null },
      problems: ['conflict'],
      handle: async (call) => {
        await keys.revoke(call.caller, call.params.id, call.query.include_created);
        return { status: 204 };
      },
    }),
    listTeams: endpoint({
      summary: 'List all teams',
      query: pageQuery,
      answers: { 200: listOf(teamSchema) },
      handle: (call) => answerPage(call, cursors, {}, listById(teams.listTeams(), toTeam)),
    }),
    getTeam: endpoint({
      summary: 'Get a team',
      params: byId,
      answers: { 200: dataOf(teamSchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: toTeam(await teams.getTeam(call.params.id)) },
      }),
    }),
    createTeam: action({
      summary: 'Create a team',
      body: teamRequest,
      answers: { 201: dataOf(teamSchema) },
      handle: (call) =>
        call.commit(async (transaction) => {
          const team = await teams.createTeam(transaction, call.caller, call.body.name);
          return {
            status: 201,
            body: { data: toTeam(team) },
            headers: { Location: `/v1/teams/${team.id}` },
          };
        }),
    }),
  };
}
