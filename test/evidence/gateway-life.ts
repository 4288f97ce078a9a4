import type { Identity } from '../../src/accounts/index.js';
import type { Clock } from '../../src/lib/clock.js';
import { type Client, clientOf, patient } from '../support/client.js';
import type { Gateway } from '../support/gateway.js';
import { waitFor } from '../support/wait.js';
import { type ExchangePlan, FaultyProvider } from './faulty-provider.js';
import type { World } from './world.js';

/** What happens next, and to which account. */
export interface GatewayAct extends ExchangePlan {
  readonly what:
    | ('sweep' | 'probe' | 'change' | 'pause' | 'resume' | 'disconnect' | 'outage')
    | ('add' | 'remove' | 'reassign');
  readonly whose: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** An account as the gateway has it. */
interface Known extends Identity {
  readonly id: string;
  readonly provider_account_id: string;
  readonly status: string;
}

/** A gateway over its database calls a provider that gives false answers. */
export class GatewayLife {
  readonly faulty: FaultyProvider;
  /** Accounts that are said to be gone. */
  private gone = new Set<string>();
  private readonly client: Client;

  constructor(
    private readonly world: World,
    private readonly gateway: Gateway,
    clock: Clock,
  ) {
    // What is asked so often is not compared with its description each time.
    this.client = patient(clientOf(gateway.url, world.client.key));
    this.faulty = new FaultyProvider(world.provider, clock);
  }

  /** Does what an act says, and holds what came of it against the truth. */
  async perform(act: GatewayAct): Promise<void> {
    const { faulty } = this;
    const id = faulty.idOf(act.whose);
    if (act.what === 'add') return faulty.put(id);
    if (act.what === 'remove') return faulty.remove(id);
    if (act.what === 'reassign') return faulty.reassign(id);
    faulty.begin(act, { isOut: act.what === 'outage' });
    await this.ask(act, id);
    await this.judgeLosses(act);
    faulty.end();
  }

  private async ask(act: GatewayAct, id: string): Promise<void> {
    if (act.what === 'sweep' || act.what === 'outage') await this.sweep();
    if (act.what === 'sweep') return;
    const known = (await this.known()).find((account) => account.provider_account_id === id);
    if (!known || known.status === 'disconnected') return;
    if (act.what === 'probe' || act.what === 'outage') return this.probe(known);
    const errand = { id, meant: known, ...(act.what === 'change' && { settings: act.settings }) };
    const path = `/v1/accounts/${known.id}`;
    await this.faulty.during(errand, async () => {
      if (act.what === 'change') await this.client.patch(path, { settings: act.settings });
      else if (act.what === 'disconnect') await this.disconnect(known);
      else await this.client.post(`${path}/${act.what}`);
    });
  }

  async sweep(): Promise<void> {
    const path = `/v1/connections/${this.world.connectionId}/sweep`;
    const { body } = await this.client.post(path);
    await this.found(
      'the end of a sweep',
      'SELECT 1 FROM sweeps WHERE id = $1 AND finished_at IS NOT NULL',
      body.data.id,
    );
  }

  private async probe({ id, provider_account_id }: Known): Promise<void> {
    const { status } = await this.client.post(`/v1/accounts/${id}/probe`);
    if (status === 404 && this.faulty.holds(provider_account_id))
      this.faulty.accuse(`a probe of ${provider_account_id} says that it is gone, and it is there`);
  }

  private async disconnect({ id: accountId, provider_account_id: id }: Known): Promise<void> {
    const prefer = { Prefer: 'respond-async' };
    const { body } = await this.client.delete(`/v1/accounts/${accountId}`, prefer);
    const step = await this.found<{ state: string; outcome: string | null; verified: string }>(
      'a step to end',
      `SELECT state, outcome, verified FROM disconnect_steps
       WHERE disconnect_id = $1 AND state IN ('succeeded', 'failed', 'cancelled')`,
      body.data.id,
    );
    if (step.state !== 'succeeded' && step.verified !== 'absent') return;
    if (this.faulty.holds(id)) this.faulty.accuse(`${id} is ${step.outcome}, and still there`);
    else this.gone.add(id);
  }

  /** Accounts that are newly said to be gone must be. */
  private async judgeLosses({ what }: GatewayAct): Promise<void> {
    const ids = (await this.known())
      .filter(({ status }) => status === 'disconnected')
      .map(({ provider_account_id }) => provider_account_id);
    for (const id of ids) {
      if (!this.gone.has(id) && this.faulty.holds(id))
        this.faulty.accuse(`${what}: ${id} is said to be gone, and it is there`);
    }
    this.gone = new Set(ids);
  }

  private async known(): Promise<readonly Known[]> {
    const { rows } = await this.gateway.database.pool.query<
      Omit<Known, 'connected_at'> & { connected_at: Date | null }
    >(
      `SELECT id, provider_account_id, status, platform, username, platform_user_id, connected_at
       FROM accounts WHERE connection_id = $1`,
      [this.world.connectionId],
    );
    return rows.map((row) => ({ ...row, connected_at: row.connected_at?.toISOString() ?? null }));
  }

  private found<Row extends object>(what: string, query: string, id: string): Promise<Row> {
    return waitFor(what, async () => {
      const { rows } = await this.gateway.database.pool.query<Row>(query, [id]);
      return rows[0];
    });
  }
}
