import { newId } from '../../src/lib/ids.js';
import type { Client, Reply } from './client.js';
import type { Gateway } from './gateway.js';

/** Seconds between two sweeps of each connection. */
const INTERVAL = 3_600;

type Row = Readonly<Record<string, unknown>>;

/** A team whose connections and accounts are rows that a test writes. */
export class RowsTeam {
  private readonly connections = new Map<string, string>();

  private constructor(
    private readonly gateway: Gateway,
    private readonly now: () => Date,
    readonly id: string,
    readonly client: Client,
  ) {}

  static async begin(gateway: Gateway, now: () => Date): Promise<RowsTeam> {
    const { id, client } = await gateway.newTeam(newId('team'));
    return new RowsTeam(gateway, now, id, client);
  }

  /** @param connection one more at a provider */
  async connect(provider: string, connection = provider): Promise<string> {
    const known = this.connections.get(connection);
    if (known !== undefined) return known;
    const id = newId('conn');
    this.connections.set(connection, id);
    await this.insert('connections', {
      id,
      team_id: this.id,
      provider,
      name: connection,
      credentials: Buffer.from('none'),
      sweep_interval_seconds: INTERVAL,
    });
    return id;
  }

  /** Holds one more account. @returns its id */
  async hold(provider: string, username: string, more: Row = {}): Promise<string> {
    const { connection = provider, ...columns } = more;
    const id = newId('acct');
    const now = this.now();
    await this.insert('accounts', {
      id,
      team_id: this.id,
      connection_id: await this.connect(provider, String(connection)),
      provider,
      provider_account_id: `at-${id}`,
      platform: 'instagram',
      username,
      username_key: username,
      status: 'active',
      health_status: 'healthy',
      health_since: now,
      checked_at: now,
      remote_data: {},
      created_at: now,
      updated_at: now,
      ...columns,
    });
    return id;
  }

  /** Changes an account as a sweep does. */
  async change(id: string, columns: Row): Promise<void> {
    const values = { ...columns, updated_at: this.now() };
    const sets = Object.keys(values).map((column, index) => `${column} = $${index + 2}`);
    await this.gateway.database.pool.query(`UPDATE accounts SET ${sets.join(', ')} WHERE id = $1`, [
      id,
      ...Object.values(values),
    ]);
  }

  async end(id: string): Promise<void> {
    await this.change(id, { status: 'disconnected', disconnected_at: this.now() });
  }

  async profileOf(id: string): Promise<string> {
    return (await this.client.get(`/v1/accounts/${id}`)).body.data.profile_id;
  }

  async keyFor(...providers: string[]): Promise<Client> {
    const rights = { name: providers.join(), scopes: ['write'], providers };
    return this.gateway.with((await this.client.post('/v1/keys', rights)).body.data.key);
  }

  async events(type: string): Promise<Reply['body'][]> {
    await this.gateway.settled();
    return (await this.client.get(`/v1/events?type=${type}`)).body.data;
  }

  private async insert(table: string, row: Row): Promise<void> {
    const places = Object.keys(row).map((_, index) => `$${index + 1}`);
    await this.gateway.database.pool.query(
      `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${places.join(', ')})`,
      Object.values(row),
    );
  }
}
