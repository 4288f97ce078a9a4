import type { Command } from 'commander';
import { addConfirmationFlags } from '../confirm.js';
import {
  addAccessFlags,
  addOutputFlags,
  type Options,
  optionOf,
  PAGING,
  valuesOf,
} from '../flags.js';
import type { Parameter } from '../route-facts.js';
import { ROUTES } from '../routes.gen.js';

/** Of a list of accounts, and not of which accounts. */
const NO_FILTERS = new Set([...PAGING, 'order_by', 'order_direction', 'include']);
const FILTERS: readonly Parameter[] = ROUTES['accounts.list'].query.filter(
  ({ name }) => !NO_FILTERS.has(name),
);
const REQUEST: readonly Parameter[] = ROUTES['disconnects.disconnectMany'].body;
const WHY = REQUEST.filter(({ name }) => /^(reason_code|reason_note|scheduled_at)$/.test(name));
const WEAK = REQUEST.filter(({ name }) => name === 'include_weak');

interface Shape {
  /** Whether it disconnects; else it only plans. */
  readonly isRun: boolean;
  /** Beside ids, by what accounts may be named. */
  readonly selects: readonly ('filter' | 'profile')[];
}

/** Gives a command the flags of a disconnect. */
export function shapeDisconnect(command: Command, { isRun, selects }: Shape): void {
  if (selects.includes('filter')) {
    command.optionsGroup('Accounts, by filters:');
    for (const parameter of FILTERS) command.addOption(optionOf(parameter));
  }
  if (selects.includes('profile'))
    for (const parameter of WEAK) command.addOption(optionOf(parameter));
  if (isRun) {
    command.optionsGroup('Options:');
    for (const parameter of WHY) command.addOption(optionOf(parameter));
    command
      .option('--idempotency-key <key>', 'repeats an earlier request with this key safely')
      .option('--no-wait', 'do not wait until it has ended');
    addConfirmationFlags(command);
  }
  addAccessFlags(addOutputFlags(command));
}

/** The filters that were given; `undefined`: none. */
export function filterOf(options: Options): Readonly<Record<string, unknown>> | undefined {
  const values = valuesOf(FILTERS, options);
  return Object.keys(values).length === 0 ? undefined : values;
}

/** The body fields of the flags that give a reason. */
export const reasonsOf = (options: Options) => valuesOf(WHY, options);
/** The body fields of `--include-weak`. */
export const weakOf = (options: Options) => valuesOf(WEAK, options);
