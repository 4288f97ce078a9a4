import { z } from 'zod';
import type { ApiKey, Team } from '../database/prisma-client/client.js';
import { SCOPES } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf, timestamp } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { byId, paging, time, words } from '../http/validate.js';
import type { TeamsService } from './teams.service.js';

const scopes = z.array(z.enum(SCOPES));
const rateLimit = z.strictObject({
  quota: z.int().min(1).max(1_000_000),
  window_seconds: z.int().min(1).max(3600),
});
const pageQuery = z.strictObject(paging);

const TEAM_EXAMPLE = {
  id: 'team_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'team',
  name: 'Social',
  created_at: '2026-01-15T08:00:00.000Z',
};
const teamSchema = z
  .object({ id: z.string(), type: z.literal('team'), name: z.string(), created_at: timestamp })
  .meta({
    id: 'Team',
    examples: [TEAM_EXAMPLE],
  });
const KEY_EXAMPLE = {
  id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d4',
  type: 'key',
  name: 'health monitor',
  scopes: ['read'],
  providers: [],
  rate_limit: null,
  expires_at: '2027-01-15T08:00:00.000Z',
  last_used_at: '2026-02-09T11:45:00.000Z',
  created_at: '2026-01-15T08:00:00.000Z',
};
const keySchema = z
  .object({
    id: z.string(),
    type: z.literal('key'),
    name: z.string(),
    scopes,
    providers: z.array(z.string()),
    rate_limit: rateLimit.nullable().meta({ description: 'Null: the default rate limit.' }),
    expires_at: timestamp.nullable(),
    last_used_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'Key', examples: [KEY_EXAMPLE] });

/** With the key itself, which is shown only in this response. */
const keyWithSecret = keySchema.extend({ key: z.string() }).meta({
  examples: [
    {
      ...KEY_EXAMPLE,
      last_used_at: null,
      key: 'rc_01k9z3m8q4v7x2c5n6b8a1s3d4_qW3eR5tY7uI9oP1aS2dF4gH6jK8lZ0xCvB7nM',
    },
  ],
});

export function teamEndpoints(teams: TeamsService, cursors: Cursors, providers: readonly string[]) {
  const provider = z.enum(providers as [string, ...string[]], {
    error: `must be one of: ${providers.join(', ')}`,
  });
  return {
    whoami: endpoint({
      summary: "Get the caller's team and key",
      answers: {
        200: dataOf(
          z.object({
            type: z.literal('whoami'),
            team: z
              .object({ id: z.string(), name: z.string() })
              .meta({ examples: [{ id: TEAM_EXAMPLE.id, name: TEAM_EXAMPLE.name }] }),
            key: z
              .object({
                id: z.string(),
                name: z.string(),
                scopes,
                expires_at: timestamp.nullable(),
              })
              .meta({
                examples: [
                  {
                    id: KEY_EXAMPLE.id,
                    name: KEY_EXAMPLE.name,
                    scopes: KEY_EXAMPLE.scopes,
                    expires_at: KEY_EXAMPLE.expires_at,
                  },
                ],
              }),
          }),
        ),
      },
      handle: async ({ caller }) => {
        const { id, name, scopes: held, expiresAt } = caller.key;
        const team = { id: caller.teamId, name: caller.teamName };
        return {
          status: 200,
          body: {
            data: { type: 'whoami', team, key: { id, name, scopes: held, expires_at: expiresAt } },
          },
        };
      },
    }),
    listKeys: endpoint({
      summary: "List the team's keys, without their secrets",
      query: pageQuery,
      answers: { 200: listOf(keySchema) },
      handle: (call) => answerPage(call, cursors, {}, listById(teams.keys(call.caller), toKey)),
    }),
    createKey: action({
      summary: 'Create a key; it is shown only in this response',
      body: z
        .strictObject({
          name: words(100),
          scopes: scopes.min(1),
          expires_at: time.optional(),
          providers: z.array(provider).max(50).optional(),
          rate_limit: rateLimit.optional().meta({
            description:
              "The key's rate limit; only the root key may set it. When omitted, the key gets its creator's.",
          }),
        })
        .meta({
          examples: [
            { name: 'health monitor', scopes: ['read'], expires_at: '2027-01-15T08:00:00.000Z' },
          ],
        }),
      answers: { 201: dataOf(keyWithSecret) },
      handle: (call) =>
        call.commit(async (transaction) => {
          const { row, key } = await teams.createKey(transaction, call.caller, call.body);
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
        body: { data: toKey(await teams.getKey(call.caller, call.params.id)) },
      }),
    }),
    revokeKey: endpoint({
      summary: 'Revoke a key immediately',
      params: byId,
      answers: { 204: null },
      problems: ['conflict'],
      handle: async (call) => {
        await teams.revokeKey(call.caller, call.params.id);
        return { status: 204 };
      },
    }),
    listTeams: endpoint({
      summary: 'List all teams',
      query: pageQuery,
      answers: { 200: listOf(teamSchema) },
      handle: (call) => answerPage(call, cursors, {}, listById(teams.all(), toTeam)),
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
      body: z.strictObject({ name: words(100) }).meta({ examples: [{ name: 'Social' }] }),
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

function toTeam({ id, name, createdAt }: Team) {
  return { id, type: 'team', name, created_at: createdAt };
}

function toKey(row: ApiKey) {
  return {
    id: row.id,
    type: 'key',
    name: row.name,
    scopes: row.scopes,
    providers: row.providers,
    rate_limit:
      row.rateQuota === null || row.rateWindowSeconds === null
        ? null
        : { quota: row.rateQuota, window_seconds: row.rateWindowSeconds },
    expires_at: row.expiresAt,
    last_used_at: row.lastUsedAt,
    created_at: row.createdAt,
  };
}
