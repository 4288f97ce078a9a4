import type { Command } from 'commander';
import type { Rollcall } from '../client/index.js';
import type { Context } from './context.js';
import type { ExitCode } from './exit-codes.js';
import type { Options } from './flags.js';
import type { OutputSettings } from './output/writer.js';
import type { ROUTES } from './routes.gen.js';

export type RouteId = keyof typeof ROUTES;
export type Body = Record<string, unknown>;

/** A command as it was called. */
export interface Call {
  readonly context: Context;
  readonly options: Options;
  /** Parameters of the path by their names; of one that takes several, the first. */
  readonly path: Readonly<Record<string, string>>;
  /** Asks for a key only when it is called. */
  client(): Promise<Rollcall>;
  settings(): OutputSettings;
}

/** What a command would remove, for a person to confirm. */
interface Removal {
  /** The route that tells the thing. */
  readonly tells: RouteId;
  /** What goes, in words. */
  effects(thing: Readonly<Record<string, unknown>>, call: Call): Promise<readonly string[]>;
  /** How many things go. */
  count?(thing: Readonly<Record<string, unknown>>, call: Call): Promise<number>;
}

interface Described {
  readonly verb: string;
  /** Without `rollcall`. Tests run each. */
  readonly examples: readonly string[];
}

/**
 * A command that is one route of the API: its parameters are arguments and flags by their own names,
 * and what it answers is written as the person chooses.
 */
export interface RouteCommand extends Described {
  readonly route: RouteId;
  /** The route's own when left out. */
  readonly summary?: string;
  /** Of tables, the most important first; see `parseColumns`. */
  readonly columns?: string;
  /** The last parameter of the path may be given several times, or be read from standard input. */
  readonly takesMany?: true;
  /** Members of the body that are arguments. */
  readonly inOrder?: readonly string[];
  /** Members of the body that are always these. */
  readonly fixed?: Body;
  /** Parameters that are no flags. */
  readonly without?: readonly string[];
  /** Completes the body. */
  prepare?(body: Body, call: Call): Promise<Body>;
  readonly removes?: Removal;
  /** Goes on until what was begun has ended, unless told not to. */
  follow?(data: Readonly<Record<string, unknown>>, call: Call): Promise<ExitCode>;
}

/** A command that is more than a route. */
export interface OwnCommand extends Described {
  readonly summary: string;
  /** Routes that it asks. */
  readonly routes?: readonly RouteId[];
  /** Fields that its JSON has at its top, for `--json`. */
  readonly fields?: readonly string[];
  /** As `commander` takes them: `[id...]`. */
  readonly takes?: string;
  /** Adds flags. */
  shape?(command: Command): void;
  run(call: OwnCall): Promise<ExitCode | undefined>;
}

/** What a command that is more than one route is called with. */
export interface OwnCall extends Omit<Call, 'path'> {
  /** The command that words name, as far as they do, with its flags and the commands below it. */
  named(words: readonly string[]): Promise<Command>;
  /** What was given beside flags. */
  readonly words: readonly string[];
}

/** Commands under one word. */
export interface Noun {
  readonly name: string;
  readonly commands: readonly (RouteCommand | OwnCommand)[];
}
