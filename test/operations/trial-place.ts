import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { SECRET } from '../support/gateway.js';
import { type GatewayProcess, startProcess } from '../support/gateway-process.js';
import { type HttpProxy, startHaproxy, startPostgresHaproxy } from '../support/http-proxies.js';
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { findFreePort, type Standby, type TcpPostgres } from '../support/tcp-postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

const GATEWAYS = 3;
/** Sessions of PostgreSQL that all gateways share. */
const POOL_SIZE = 15;
const BLACK_HOLE_MS = 4_000;
/** HAProxy leaves a gateway that is not ready in three seconds at most, with the requests it has there. */
const CHECKS = 'inter 1s fall 2 rise 1 on-marked-down shutdown-sessions';

/**
 * What stands around three gateways: HAProxy before them, and behind each a connection that can be
 * silenced, then PgBouncer, then HAProxy, then a primary with a standby that has all it commits.
 */
export class Place {
  readonly url: string;
  private primary: Pick<Standby, 'port' | 'url' | 'crash' | 'restart' | 'startStandby'>;
  /** What the gateways that are gone wrote to standard error. */
  private errors = '';
  readonly troubles: Readonly<Record<string, () => Promise<void>>> = {
    'SIGKILL of a gateway': () => this.killGateway(),
    'immediate stop of the database': () => this.crash(),
    'failover to the standby': () => this.failOver(),
    'restart of the pooler': () => this.parts.pooler.restart(),
    'black hole before the pooler': () => this.silence(),
  };

  private constructor(
    private readonly parts: {
      readonly postgres: TcpPostgres;
      readonly random: () => number;
      readonly front: HttpProxy;
      readonly pooler: PgBouncer;
      readonly lines: readonly TcpProxy[];
      readonly start: (index: number) => Promise<GatewayProcess>;
      readonly gateways: GatewayProcess[];
      readonly undo: (() => Promise<unknown>)[];
    },
    private standby: Standby,
  ) {
    this.url = parts.front.url;
    this.primary = { ...parts.postgres, startStandby: () => parts.postgres.startStandby() };
  }

  /** @param postgres migrated */
  static async begin(postgres: TcpPostgres, random: () => number): Promise<Place> {
    const undo: (() => Promise<unknown>)[] = [];
    const standby = await postgres.startStandby();
    const servers = [];
    for (const { port, url } of [postgres, standby]) {
      const check = await startCheck(url);
      undo.push(check.close);
      servers.push({ port, checkPort: check.port });
    }
    const switchover = await startPostgresHaproxy(servers);
    const { password } = postgres;
    const pooler = await startPgBouncer({ port: switchover.port, password }, POOL_SIZE);
    undo.push(switchover.stop, pooler.stop);
    const each = Array.from({ length: GATEWAYS }, (_, index) => index);
    const lines = await Promise.all(each.map(() => startTcpProxy(pooler.port)));
    undo.push(() => Promise.all(lines.map((line) => line.close())));
    const ports = await Promise.all(each.map(findFreePort));
    const start = (index: number) =>
      startProcess({
        DATABASE_URL: pooler.url.replace(/:\d+\//, `:${lines[index]?.port}/`),
        DATABASE_DIRECT_URL: postgres.url.replace(`:${postgres.port}/`, `:${switchover.port}/`),
        DATABASE_POOL_SIZE: '8',
        ROLLCALL_SECRET: SECRET,
        SANDBOX: 'false',
        WEBHOOKS_ALLOW_LOOPBACK: 'true',
        PORT: String(ports[index]),
      });
    const gateways = await Promise.all(each.map(start));
    undo.push(() => Promise.all(gateways.map((gateway) => gateway.end('SIGKILL'))));
    const front = await startHaproxy(ports, CHECKS);
    undo.push(front.stop);
    const place = new Place(
      { postgres, random, front, pooler, lines, start, gateways, undo },
      standby,
    );
    await place.protect();
    return place;
  }

  /** Asks the primary itself. */
  async ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return asked<Row>(this.primary.url, text, values);
  }

  /** @throws Error if what is not to suffer does */
  requireRunning(): void {
    this.parts.pooler.requireRunning();
  }

  async stop(): Promise<void> {
    for (const step of this.parts.undo.splice(0).reverse()) await step();
  }

  /** Kills all gateways. @returns the lines of errors that nobody expected, of all that there were */
  async unexpected(): Promise<string[]> {
    for (const gateway of this.parts.gateways) this.errors += (await gateway.end('SIGKILL')).errors;
    return this.errors.split('\n').filter((line) => line.includes('unexpected error'));
  }

  private pick<One>(ones: readonly One[]): readonly [number, One] {
    const index = Math.floor(this.parts.random() * ones.length);
    return [index, ones[index] as One];
  }

  private async killGateway(): Promise<void> {
    const { gateways, start } = this.parts;
    const [index, gateway] = this.pick(gateways);
    this.errors += (await gateway.end('SIGKILL')).errors;
    gateways[index] = await start(index);
  }

  private async crash(): Promise<void> {
    await this.primary.crash();
    await this.primary.restart();
  }

  /** The former primary comes back as the standby of the new one, with a copy of what that has. */
  private async failOver(): Promise<void> {
    const { port, crash } = this.primary;
    await crash();
    const { standby } = this;
    await standby.promote();
    this.primary = standby;
    // Nobody follows it: it must not wait for anybody.
    await this.settings('ALTER SYSTEM RESET synchronous_standby_names');
    await waitFor('the gateways to have found the promoted server', () => this.isWritten(), {
      everyMs: 100,
    });
    this.standby = await standby.startStandby(port);
    await this.protect();
  }

  /** From now on a commit is on both servers before anybody is told of it. */
  private async protect(): Promise<void> {
    await waitFor('the standby to stream', async () => {
      const streams = `SELECT FROM pg_stat_replication WHERE state = 'streaming'`;
      return (await this.ask(streams)).length > 0;
    });
    await this.settings(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
  }

  private async settings(statement: string): Promise<void> {
    await this.ask(statement);
    await this.ask('SELECT pg_reload_conf()');
  }

  /** Whether some gateway has written its row lately. */
  private async isWritten(): Promise<boolean> {
    const recent = `SELECT FROM gateway_processes WHERE expires_at > now() + interval '18 seconds'`;
    return this.ask(recent).then(
      (rows) => rows.length > 0,
      () => false,
    );
  }

  private async silence(): Promise<void> {
    const [, line] = this.pick(this.parts.lines);
    line.stopForwarding();
    await sleep(BLACK_HOLE_MS);
    line.forwardNew();
  }
}

async function asked<Row extends pg.QueryResultRow>(
  connectionString: string,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Says by HTTP whether a PostgreSQL is a primary, as cluster managers do. */
async function startCheck(url: string): Promise<{ port: number; close(): Promise<void> }> {
  const isPrimary = () =>
    asked<{ standby: boolean }>(url, 'SELECT pg_is_in_recovery() AS standby', []).then(
      ([row]) => row?.standby === false,
      () => false,
    );
  const server = createServer(async (_request, response) => {
    response.writeHead((await isPrimary()) ? 200 : 503).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
