import type { AccountsService, SettleProfiles } from '../accounts/index.js';
import type { ConnectionsService } from '../connections/index.js';
import type { Database, ProcessLease } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { DatedKey, Signer } from '../lib/signature.js';
import type { Tracing } from '../lib/tracing.js';
import type { ReadWholeProfile } from '../profiles/index.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { type AgentLimits, AgentPlans, DEFAULT_AGENT_LIMITS } from './agent-plans.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ConfirmationsRepository } from './confirmations.repository.js';
import { DisconnectsRepository } from './disconnects.repository.js';
import { disconnectEndpoints } from './disconnects.routes.js';
import { DisconnectsService } from './disconnects.service.js';
import { LifecycleRepository } from './lifecycle.repository.js';
import { PlansRepository } from './plans.repository.js';
import { StepRunner } from './step-runner.js';
import { DEFAULT_DISCONNECT_SETTINGS, type DisconnectSettings } from './step-state.js';
import { stepWork } from './step-work.js';
import { StepsRepository } from './steps.repository.js';

export type { AgentLimits } from './agent-plans.js';
export { receiptSchema, wellKnownSchema } from './disconnects.schema.js';
export type { DisconnectSettings } from './step-state.js';
export { DISCONNECT_STEPS } from './step-work.js';

interface DisconnectsParts {
  readonly database: Database;
  readonly lease: ProcessLease;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly accounts: AccountsService;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly tracing: Tracing;
  readonly settleProfiles: SettleProfiles;
  readonly readWholeProfile: ReadWholeProfile;
  /** Signs receipts. */
  readonly signer: Signer;
  /** The keys that receipts are and were signed with, oldest first. */
  readonly receiptKeys: () => Promise<DatedKey[]>;
  readonly sealer: Sealer;
  /** Over the defaults. */
  readonly settings: Partial<DisconnectSettings>;
  readonly agentLimits: Partial<AgentLimits>;
  /** Has due steps begin now. */
  readonly wake: () => void;
}

/** The workflows that end a provider's hold on accounts. */
export function createDisconnects(parts: DisconnectsParts) {
  const { database, providers, connections, accounts, cursors, clock } = parts;
  const settings = { ...DEFAULT_DISCONNECT_SETTINGS, ...parts.settings };
  const registry = providers.adapters;
  const plans = new PlansRepository(database);
  const lifecycle = new LifecycleRepository(database, settings);
  const steps = new StepsRepository(database, lifecycle, clock, settings, parts.settleProfiles);
  const service = new DisconnectsService({
    disconnects: new DisconnectsRepository(database),
    plans,
    lifecycle,
    approvals: new ApprovalsRepository(database),
    agentPlans: new AgentPlans({
      confirmations: new ConfirmationsRepository(database),
      sealer: parts.sealer,
      clock,
      limits: { ...DEFAULT_AGENT_LIMITS, ...parts.agentLimits },
    }),
    steps,
    readWholeProfile: parts.readWholeProfile,
    registry,
    wake: parts.wake,
    signer: parts.signer,
    clock,
    settings,
  });
  const providerIds = registry.all().map(({ id }) => id);
  const jobs: readonly RecurringJob[] = [
    { name: 'disconnects.start_due', everyMs: 1_000, run: () => service.startDue() },
    { name: 'disconnects.prune', everyMs: 60_000, run: () => service.prune() },
  ];
  return {
    endpoints: {
      disconnects: disconnectEndpoints({
        disconnects: service,
        accounts,
        cursors,
        providerIds,
        receiptKeys: parts.receiptKeys,
      }),
    },
    jobs,
    /** A connection has a working key again: the steps that wait for one are due. */
    resume: (connectionId: string) => service.resume(connectionId),
    work: stepWork({
      registry,
      connections,
      steps,
      runner: new StepRunner({ steps, providers, lease: parts.lease, clock, settings }),
      tracing: parts.tracing,
      settings,
    }),
  };
}
