import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { dirname } from 'node:path';
import express from 'express';
import pg from 'pg';
import { openDatabase, startEmbedded } from '../src/database/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';

/**
 * What the reading bench compares with, each in a process of its own: 50 rows with no key, limit or
 * ETag, or their bytes as the gateway sends them from a file. Arguments: the kind, the folder of the
 * database, the file of the bytes, the port.
 */
const [kind = '', dataDir = '', file = '', port = ''] = process.argv.slice(2);

const LIMIT = 50;
/** All that an account is answered from. */
const ROWS = `SELECT a.id, a.provider, a.provider_account_id, a.connection_id, a.profile_id, a.platform,
    a.platform_user_id, a.username, a.display_name, a.avatar_url, a.profile_url, a.is_verified, a.status,
    a.provider_status, a.health_status, a.health_reason, a.health_fault, a.health_since, a.token_valid,
    a.permissions, a.token_expires_at, a.recommendations, a.checked_at, a.followers, a.following, a.posts,
    a.views, a.likes, a.comments, a.shares, a.saves, a.engagement_rate, a.growth_rate_30d, a.metrics_as_of,
    a.provider_group, a.settings, a.labels, a.connected_at, a.last_used_at, a.provider_updated_at,
    a.created_at, a.updated_at, a.disconnected_at, a.disconnect_cause, a.disconnect_id, c.swept_at
  FROM accounts a JOIN connections c ON c.id = a.connection_id
  WHERE a.team_id = $1 AND a.status <> 'disconnected' AND a.updated_at >= $2
  ORDER BY a.created_at DESC, a.id DESC LIMIT ${LIMIT}`;
const DOCUMENTS = `SELECT row_to_json(r)::text AS document FROM (${ROWS}) r`;

/** `updated_since` of the request, so that no two need be alike. */
const sinceOf = (url = '') => new URL(url, 'http://bench').searchParams.get('updated_since') ?? 0;

async function connection() {
  return (await startEmbedded({ dataDir, onProgress: () => undefined })).connection;
}

async function pgServer(name: string, text: string, show: (rows: object[]) => string) {
  const pool = new pg.Pool({ ...(await connection()), max: 20 });
  return (request: IncomingMessage, response: ServerResponse) => {
    const values = [DEFAULT_TEAM_ID, new Date(sinceOf(request.url))];
    void pool.query({ name, text, values }).then(({ rows }) => {
      const body = show(rows);
      response.writeHead(200, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
      });
      response.end(body);
    });
  };
}

const KINDS: Readonly<Record<string, () => RequestListener | Promise<RequestListener>>> = {
  'express-prisma': async () => {
    const { prisma } = openDatabase({ connection: await connection(), poolSize: 20 });
    return express().get('/page', async (_request, response) => {
      const rows = await prisma.account.findMany({
        where: { teamId: DEFAULT_TEAM_ID },
        take: LIMIT,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      });
      response.json({ data: rows.map((row) => ({ ...row, ...counts(row) })) });
    });
  },
  'express-static': () => express().use(express.static(dirname(file))),
  'node-static': () => {
    const bytes = readFileSync(file);
    return (_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': bytes.length,
      });
      response.end(bytes);
    };
  },
  'pg-rows': () => pgServer('rows', ROWS, (rows) => JSON.stringify({ data: rows })),
  'pg-json': () =>
    pgServer('documents', DOCUMENTS, (rows) => {
      const documents = (rows as { document: string }[]).map((row) => row.document);
      return `{"data":[${documents.join(',')}]}`;
    }),
};

const made = await KINDS[kind]?.();
if (made === undefined) throw new Error(`no anchor ${kind}`);
createServer(made).listen(Number(port), '127.0.0.1');

/** JSON has no BigInt. */
function counts(row: Record<string, unknown>) {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      typeof value === 'bigint' ? [[name, Number(value)]] : [],
    ),
  );
}
