import { Command, CommanderError } from 'commander';
import { VERSION } from '../lib/version.js';
import { CATALOGUE, type Entry } from './catalogue.js';
import type { Context } from './context.js';
import type { Noun, OwnCommand, RouteCommand } from './declared.js';
import { EXIT, type ExitCode, usageError } from './exit-codes.js';
import type { Options } from './flags.js';

type Declared = RouteCommand | OwnCommand;
/** Whether a command is a route of the API. */
export const isRoute = (declared: Declared): declared is RouteCommand => 'route' in declared;

/** Runs the command that the words name. @returns its exit code */
export async function runProgram(context: Context, words: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = await buildProgram(context, words, (code) => {
    exitCode = code;
  });
  const parse = (given: readonly string[]) => program.parseAsync(given, { from: 'user' });
  const given = settled(program, words, false);
  try {
    await parse(given).catch((error: unknown) => {
      const isMissing = (error as CommanderError).code === 'commander.missingArgument';
      const others = settled(program, words, true);
      // What was taken for the fields of --json is the argument that is missing.
      if (isMissing && others.join(' ') !== given.join(' ')) return parse(others);
      throw error;
    });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') return EXIT.done;
    const hint = `See \`${nameOf(commandAt(program, words))} --help\`.`;
    throw usageError(`${error.message.replace(/^error: /, '')}\n${hint}`);
  }
}

/** The command line, with the commands of those first words that are among the given ones. */
async function buildProgram(
  context: Context,
  words: readonly string[],
  end: (code: ExitCode) => void,
): Promise<Command> {
  const program = configured(new Command('rollcall'), context)
    .usage('<noun> <verb> [flags]')
    .description('Every social account your company holds, from the command line.')
    .helpCommand('help [command]', 'this help, or the help of a command')
    .version(VERSION, '-V, --version', 'the version of this command')
    .addHelpText(
      'after',
      '\nExamples:\n  rollcall login\n  rollcall accounts list --health unhealthy,warning\n  rollcall disconnects plan --username northwind.goods\n\nExit codes and more: docs/cli.md',
    );
  for (const entry of CATALOGUE) {
    program.commandsGroup(entry.group);
    const command = await commandOf(entry, context, words.includes(entry.name), end);
    program.addCommand(command.helpGroup(entry.group));
  }
  return program;
}

async function commandOf(
  entry: Entry,
  context: Context,
  isLoaded: boolean,
  end: (code: ExitCode) => void,
): Promise<Command> {
  const command = configured(new Command(entry.name), context).summary(entry.summary);
  command.description(sentence(entry.summary));
  if (!isLoaded) return command;
  const noun = await entry.load();
  const [alone] = noun.commands;
  if (alone !== undefined && isAlone(noun)) return addTo(command, alone, context, end);
  for (const declared of noun.commands) {
    const verb = configured(new Command(declared.verb), context);
    command.addCommand(await addTo(verb, declared, context, end));
  }
  return command.helpCommand(false);
}

const isAlone = ({ name, commands }: Noun): boolean =>
  commands.length === 1 && commands[0]?.verb === name;

async function addTo(
  command: Command,
  declared: Declared,
  context: Context,
  end: (code: ExitCode) => void,
): Promise<Command> {
  const { shapeRoute, factsOf } = await import('./run-route.js');
  if (isRoute(declared)) {
    const summary = declared.summary ?? factsOf(declared).summary;
    shapeRoute(command.summary(summary).description(sentence(summary)), declared);
  } else {
    command.summary(declared.summary).description(sentence(declared.summary));
    if (declared.takes !== undefined) command.arguments(declared.takes);
    declared.shape?.(command);
  }
  const examples = declared.examples.map((example) => `  rollcall ${example}`);
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  return command.action(async () => {
    end((await run(context, declared, command)) ?? EXIT.done);
  });
}

async function run(context: Context, declared: Declared, command: Command) {
  const options: Options = command.opts();
  const { outputSettings, refuseContradictions } = await import('./output-settings.js');
  refuseContradictions(options);
  const words = command.processedArgs as (string | readonly string[])[];
  if (isRoute(declared)) {
    const { runRoute } = await import('./run-route.js');
    return runRoute(context, declared, words, options);
  }
  const settings = () => outputSettings(context, options, '', declared.fields ?? []);
  // Wrong flags are told before anything is asked for.
  if (declared.fields !== undefined) settings();
  return declared.run({
    context,
    options,
    named: async (given) => commandAt(await buildProgram(context, given, () => undefined), given),
    words: words.flat().filter((word) => word !== undefined),
    client: () => context.client(options),
    settings,
  });
}

function configured(command: Command, { streams }: Context): Command {
  return command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.output.write(text),
      // Help, when a verb is missing; errors are told by who catches them.
      writeErr: (text) => streams.output.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => streams.output.columns || HELP_WIDTH,
    })
    .showSuggestionAfterError()
    .allowExcessArguments(false);
}

const HELP_WIDTH = 100;

/** The command that the first words name, as far as they do. */
function commandAt(program: Command, words: readonly string[]): Command {
  const [first, ...rest] = words.filter((word) => !word.startsWith('-'));
  const found = program.commands.find((command) => command.name() === first);
  return found === undefined ? program : commandAt(found, rest);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/**
 * The words with flags whose value may be left out made definite: what follows them is an argument
 * where it cannot be their value (`get --json acct_…`, `revoke --include-created key_…`).
 * @param isMissing whether an argument would be missing otherwise: then one word is no list of fields
 */
function settled(program: Command, words: readonly string[], isMissing: boolean): string[] {
  const command = commandAt(program, words);
  const takesArguments = command.registeredArguments.length > 0;
  // Without a value `--json` stands where no word follows that could be one.
  const last: string[] = [];
  const others = words.flatMap((word, index) => {
    const option = command.options.find(({ long, optional }) => optional && long === word);
    const next = words[index + 1];
    if (option === undefined || next === undefined || /^-./.test(next)) return spelled(word);
    if (word !== '--json') return /^(true|false)$/.test(next) ? word : `${word}=true`;
    const isArgument = isMissing
      ? !next.includes(',')
      : /[:/]|^[a-z]+_[0-9a-z]{20,}$|^-$/.test(next);
    if (!takesArguments || !isArgument) return word;
    last.push(word);
    return [];
  });
  const end = others.includes('--') ? others.indexOf('--') : others.length;
  return others.toSpliced(end, 0, ...last);
}

/** `--connection_id` is the flag `--connection-id`, as the API spells it. */
const spelled = (word: string) =>
  /^--[a-z]+_/.test(word) ? word.replace(/^--[a-z_]+/, (name) => name.replaceAll('_', '-')) : word;

/** A summary as a sentence. */
function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`.replace(/[.]{2}$/, '.');
}
