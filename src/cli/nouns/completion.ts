import type { Command, Option } from 'commander';
import { SCRIPTS } from '../commands/completion-scripts.js';
import type { Noun, OwnCall } from '../declared.js';
import { EXIT, type ExitCode, usageError } from '../exit-codes.js';

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
async function candidatesFor(
  { context, named }: OwnCall,
  words: readonly string[],
): Promise<readonly string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = await named(before);
  const option = command.options.find(({ long, short }) =>
    [long, short].includes(before.at(-1) ?? ''),
  );
  if (option?.required) return starting(await valuesOf(context, option), typed);
  if (typed.startsWith('-'))
    return starting(
      [...command.options.map(({ long }) => long ?? ''), '--help'].filter((flag) => flag !== ''),
      typed,
    );
  if (command.name() === 'use') return starting(await profilesOf(context), typed);
  return starting(
    command.commands.map((each) => each.name()),
    typed,
  );
}

const starting = (candidates: readonly string[], typed: string) =>
  candidates.filter((candidate) => candidate.startsWith(typed)).sort();

const profilesOf = async ({ settings }: OwnCall['context']) =>
  Object.keys((await settings.settings()).profiles);

/** What is known of the values of a flag. */
async function valuesOf(
  context: OwnCall['context'],
  { long, argChoices, description }: Option,
): Promise<readonly string[]> {
  if (long === '--profile') return profilesOf(context);
  if (argChoices !== undefined) return argChoices;
  const [, values] = /\(([\w.*-]+(?:, [\w.*-]+)*)\)$/.exec(description) ?? [];
  return values?.split(', ') ?? [];
}

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
