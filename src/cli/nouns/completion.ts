import type { Command, Option } from 'commander';
import { SCRIPTS } from '../commands/completion-scripts.js';
import { listOfArgument, listOfParameter, liveValues } from '../commands/live-values.js';
import type { Noun, OwnCall } from '../declared.js';
import { EXIT, type ExitCode, usageError } from '../exit-codes.js';
import { knownValues } from '../flags.js';

/** `rollcall completion bash`; with `--words` what may come next, for the scripts. */
async function completion(call: OwnCall): Promise<ExitCode> {
  const { context, options, words } = call;
  if (options.words !== undefined) {
    const candidates = await candidatesFor(call, words);
    context.streams.output.write(candidates.map((each) => `${each}\n`).join(''));
    return EXIT.done;
  }
  const script = SCRIPTS[words[0] ?? ''];
  if (script === undefined) throw usageError(`Expected one of ${Object.keys(SCRIPTS).join(', ')}.`);
  context.streams.output.write(script);
  return EXIT.done;
}

/** @param words after `rollcall`, the last of which is being typed */
async function candidatesFor(call: OwnCall, words: readonly string[]): Promise<readonly string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = await call.named(before);
  const flagged = command.options.find(({ long, short }) =>
    [long, short].includes(before.at(-1) ?? ''),
  );
  if (flagged?.required) return ofValue(call, flagged, typed, before);
  const [, long, value] = /^(--[\w-]+)=(.*)$/.exec(typed) ?? [];
  const joined = command.options.find((option) => option.long === long);
  if (joined !== undefined && value !== undefined)
    return (await ofValue(call, joined, value, before)).map((each) => `${long}=${each}`);
  if (typed.startsWith('-'))
    return starting(
      [...command.options.map((option) => option.long ?? ''), '--help'].filter(
        (flag) => flag !== '',
      ),
      typed,
    );
  if (command.name() === 'use') return starting(await profilesOf(call.context), typed);
  if (command.commands.length > 0)
    return starting(
      command.commands.map((each) => each.name()),
      typed,
    );
  const names = namesOf(command);
  const given = argumentsIn(command, before.slice(names.length));
  const argument = command.registeredArguments[given] ?? command.registeredArguments.at(-1);
  const isOver = given >= command.registeredArguments.length && !argument?.variadic;
  const list =
    argument === undefined || isOver ? undefined : listOfArgument(names, argument.name());
  if (list === undefined) return [];
  return starting(await liveValues(call, list, typed, accessIn(before)), typed);
}

/** The values of a flag that may come next; of several with commas, the last one is being typed. */
async function ofValue(
  call: OwnCall,
  option: Option,
  typed: string,
  before: readonly string[],
): Promise<readonly string[]> {
  const head = typed.slice(0, typed.lastIndexOf(',') + 1);
  const last = typed.slice(head.length);
  const list = listOfParameter(option.attributeName().replace(/[A-Z]/g, '_$&').toLowerCase());
  const known = option.long === '--profile' ? await profilesOf(call.context) : knownValues(option);
  const values =
    known.length > 0 || list === undefined
      ? known
      : await liveValues(call, list, last, accessIn(before));
  return starting(values, last).map((value) => `${head}${value}`);
}

/** The words that name a command, without `rollcall`. */
function namesOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...namesOf(command.parent), command.name()];
}

/** How many arguments of a command are among the words: neither flags nor their values. */
function argumentsIn(command: Command, words: readonly string[]): number {
  return words.filter((word, index) => {
    const isValue = command.options.some(
      ({ long, short, required }) => required && [long, short].includes(words[index - 1] ?? ''),
    );
    return !isValue && (!word.startsWith('-') || word === '-');
  }).length;
}

/** What the line says of the gateway and the key that it is for. */
function accessIn(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.flatMap((word, index) => {
      const [, name = '', value] = /^--(profile|url|team)(?:=(.*))?$/.exec(word) ?? [];
      const given = value ?? words[index + 1];
      return name === '' || given === undefined ? [] : [[name, given] as const];
    }),
  );
}

const starting = (candidates: readonly string[], typed: string) =>
  candidates.filter((candidate) => candidate.startsWith(typed)).sort();

const profilesOf = async ({ settings }: OwnCall['context']) =>
  Object.keys((await settings.settings()).profiles);

export const nouns: readonly Noun[] = [
  {
    name: 'completion',
    commands: [
      {
        verb: 'completion',
        summary: 'print the script that completes commands: bash, zsh or fish',
        takes: '[words...]',
        examples: ['completion bash > rollcall.bash'],
        shape: (command: Command) => void command.option('--words', 'for the scripts'),
        run: completion,
      },
    ],
  },
];
