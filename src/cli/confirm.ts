import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import type { Context } from './context.js';
import { CommandError, EXIT, usageError } from './exit-codes.js';
import type { Options } from './flags.js';
import { printable } from './output/visible.js';
import { ask } from './prompts.js';

/** What is about to happen, for a person to confirm. */
interface Danger {
  readonly effects: readonly string[];
  readonly count: number;
  /** Of all that a person agrees to. */
  readonly hash: string;
  readonly isIrreversible: boolean;
}

/** Adds `--yes`, `--plan-hash` and `--dry-run`. */
export function addConfirmationFlags(command: Command): Command {
  return command
    .optionsGroup('Confirmation:')
    .option('--yes', 'do not ask; only together with --plan-hash')
    .option('--plan-hash <hash>', 'hash of the plan that was agreed to')
    .option('--dry-run', 'show what would happen and its plan hash; change nothing');
}

/**
 * Tells the effects and goes on when a person agrees at the terminal, or has agreed to just this plan
 * before.
 * @throws CommandError when nothing may be done
 */
export async function confirm(context: Context, options: Options, danger: Danger): Promise<void> {
  // A program reads one line, if anything.
  const isTold = context.isInteractive || (options.json === undefined && options.jq === undefined);
  if (isTold) for (const line of danger.effects) context.say(printable(line));
  const { yes, planHash } = options;
  if (yes === true && typeof planHash === 'string') {
    if (planHash === danger.hash) return;
    throw new CommandError(
      EXIT.conflict,
      'plan_mismatch',
      'What would happen has changed since that plan. Nothing was done: check the new plan.',
    );
  }
  if (!context.isInteractive)
    throw new CommandError(
      EXIT.usage,
      'confirmation_required',
      'Nothing was done: without a terminal this needs --yes and --plan-hash HASH, of a plan that somebody has checked (--dry-run shows it).',
    );
  const expected = danger.isIrreversible ? String(danger.count) : 'y';
  const question = danger.isIrreversible
    ? `This cannot be undone. Type ${expected} to continue: `
    : 'Go on? [y/N] ';
  const typed = (await ask(context.streams, question)).trim();
  if (typed.toLowerCase() !== expected)
    throw new CommandError(EXIT.usage, 'notice', 'Nothing was done.');
}

/** The hash of what a person agrees to where the gateway makes no plan. */
export function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

/** The ids that were given, with those of standard input in place of `-`. */
export async function idsOf(context: Context, words: readonly string[]): Promise<string[]> {
  if (!words.includes('-')) return [...words];
  const { readInput } = await import('./prompts.js');
  const read = (await readInput(context.streams)).split(/\s+/).filter((word) => word !== '');
  if (read.length === 0) throw usageError('There are no ids on standard input.');
  return words.flatMap((word) => (word === '-' ? read : [word]));
}
