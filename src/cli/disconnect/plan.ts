import { parseColumns } from '../output/columns.js';
import { headerLine, layOut, rowLine } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';

interface Effect {
  readonly destroys_data: boolean | null;
  readonly revokes_token: boolean | null;
  readonly reversible: boolean | null;
}

interface Named {
  readonly ref: string;
  readonly username: string | null;
}

/** What a disconnect would do, as the gateway plans it. */
export interface Plan {
  readonly plan_hash: string;
  readonly totals: Readonly<Record<string, number>> & { readonly total: number };
  readonly providers: readonly {
    readonly provider: string;
    readonly total: number;
    readonly effect: Effect;
    readonly how_to_reconnect: string;
  }[];
  readonly accounts: readonly (Named & { readonly effect: Effect })[];
  readonly also_ends: readonly (Named & { readonly ends_with: string })[];
  readonly excluded: readonly (Named & { readonly reason: string })[];
}

const MAX_NAMED = 20;

/** The effects of a plan for a person. */
export function planLines(plan: Plan, terminal: Terminal): string[] {
  const rows = plan.providers.map(({ provider, total, effect, how_to_reconnect }) => ({
    provider,
    accounts: total,
    destroys_data: told(effect.destroys_data),
    revokes_token: told(effect.revokes_token),
    reversible: told(effect.reversible),
    to_reconnect: how_to_reconnect,
  }));
  const columns = parseColumns(
    'provider accounts destroys_data revokes_token reversible to_reconnect',
  );
  const layout = layOut(rows, columns, terminal.columns);
  return [
    `Disconnects ${counted(plan.totals.total)}:`,
    ...named(plan.accounts, ({ ref, username }) => `  ${ref}${username ? ` (${username})` : ''}`),
    ...(rows.length === 0 ? [] : [headerLine(layout, { ...terminal, hasColour: false })]),
    ...rows.map((row) => rowLine(row, layout, { ...terminal, hasColour: false })),
    ...(plan.also_ends.length === 0
      ? []
      : [`Also disconnected with them: ${counted(plan.also_ends.length)}`]),
    ...named(plan.also_ends, ({ ref, ends_with }) => `  ${ref} (ends with ${ends_with})`),
    ...(plan.excluded.length === 0 ? [] : [`Stays: ${counted(plan.excluded.length)}`]),
    ...named(plan.excluded, ({ ref, reason }) => `  ${ref} (${reason})`),
  ];
}

/** Whether anything of it may be beyond undoing, as far as the providers say. */
export const isIrreversible = ({ accounts }: Plan): boolean =>
  accounts.some(({ effect }) => effect.reversible !== true || effect.destroys_data !== false);

const told = (value: boolean | null) => (value === null ? 'not told' : value ? 'yes' : 'no');
/** `1 account`, `2 accounts`. */
export const counted = (count: number) => `${count} ${count === 1 ? 'account' : 'accounts'}`;

function named<Item>(items: readonly Item[], line: (item: Item) => string): string[] {
  const more = items.length - MAX_NAMED;
  return [...items.slice(0, MAX_NAMED).map(line), ...(more > 0 ? [`  … and ${more} more`] : [])];
}

export const PLAN_COLUMNS =
  'ref username platform provider status effect.reversible:reversible account_id';
