import { type Command, Option } from 'commander';
import { usageError } from './exit-codes.js';
import { FORMATS } from './output/writer.js';
import type { Parameter } from './route-facts.js';

/** The values of options as commander has them. */
export type Options = Readonly<Record<string, unknown>>;

/** Parameters whose flags have names of their own, as flags of every command have theirs. */
const RENAMED: Readonly<Record<string, string>> = { url: 'target-url', q: 'q' };
/** What lists are read with; every list command has flags for them that say so. */
export const PAGING = ['limit', 'cursor', 'include_total'];

const flagName = (name: string): string => `--${RENAMED[name] ?? name.replaceAll('_', '-')}`;

/** What options may be set to, where the API says so; the gateway checks it, and may know more. */
const VALUES = new WeakMap<Option, readonly string[]>();

/** The values of an option that are known, for completion. */
export const knownValues = (option: Option): readonly string[] =>
  option.argChoices ?? VALUES.get(option) ?? [];

/** The flag of a parameter: `--connection-id <a,b>`. */
export function optionOf(parameter: Parameter): Option {
  const { name, kind, values, about } = parameter;
  const long = flagName(name);
  const flag = name === 'q' ? `-q, ${long}` : long;
  const option = new Option(`${flag} ${placeholderOf(parameter)}`, aboutOf(about, values));
  if (values !== undefined) VALUES.set(option, values.map(String));
  switch (kind) {
    case 'array':
      return option.argParser((text, former: readonly string[] = []) => [
        ...former,
        ...text.split(',').filter((each) => each !== ''),
      ]);
    case 'object':
      return option.argParser((text, former: object = {}) => ({
        ...former,
        ...memberOf(long, text, name),
      }));
    case 'boolean':
      return option.preset('true').argParser((text) => booleanOf(long, text));
    case 'integer':
    case 'number':
      return option.argParser((text) => numberOf(long, text));
    default:
      return option;
  }
}

/** The values of parameters that were given, by the names that the API has for them. */
export function valuesOf(
  parameters: readonly Parameter[],
  options: Options,
): Record<string, unknown> {
  return Object.fromEntries(
    parameters
      .map((parameter) => [parameter.name, options[optionOf(parameter).attributeName()]] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function placeholderOf({ kind, values }: Parameter): string {
  switch (kind) {
    case 'array':
      return '<a,b>';
    case 'object':
      return '<name=value>';
    case 'boolean':
      return '[true|false]';
    case 'integer':
    case 'number':
      return '<number>';
    default:
      return values === undefined ? '<text>' : '<word>';
  }
}

const MAX_VALUES_SHOWN = 14;

function aboutOf(about: string, values: Parameter['values']): string {
  if (values === undefined || values.length > MAX_VALUES_SHOWN) return about;
  return `${about}${about === '' ? '' : ' '}(${values.join(', ')})`;
}

/** Labels are texts; of other things a value is JSON where it can be. A whole object is JSON, too. */
function memberOf(flag: string, text: string, name: string): Readonly<Record<string, unknown>> {
  const whole = text.startsWith('{') ? jsonOrText(text) : undefined;
  if (typeof whole === 'object') return whole as Readonly<Record<string, unknown>>;
  const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw usageError(`${flag} ${text}: expected name=value.`);
  const isText = /^labels?$/.test(name) && value !== 'null';
  return { [key]: isText ? value : jsonOrText(value) };
}

/** The value of JSON text; other text as it is. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function booleanOf(flag: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw usageError(`${flag} ${text}: expected true or false.`);
}

/**
 * The number that a flag was given.
 * @throws CommandError for other text
 */
export function numberOf(flag: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number)) return number;
  throw usageError(`${flag} ${text}: expected a number.`);
}

/** Flags for which gateway is asked, and as whom. */
export function addAccessFlags(command: Command): Command {
  return command
    .optionsGroup('Access:')
    .option('--profile <name>', 'stored key and address to use (ROLLCALL_PROFILE)')
    .option('--url <url>', "the gateway's address (ROLLCALL_URL)")
    .option('--team <id>', 'the team that the root key acts for (ROLLCALL_TEAM)');
}

/**
 * Flags for how the result is written.
 * @param paging that a list takes; of anything else nothing
 */
export function addOutputFlags(command: Command, paging?: readonly string[]): Command {
  command
    .optionsGroup('Output:')
    .option('--json [fields]', 'JSON, of all fields or of these: id,health.status')
    .option('--jq <program>', 'the JSON through a jq program')
    .addOption(new Option('--output <format>', 'another format').choices([...FORMATS]))
    .option('--columns <names>', 'columns of tables, TSV and CSV: id,metrics.followers');
  if (paging === undefined) return command;
  if (paging.includes('cursor'))
    command.option('--cursor <cursor>', 'the cursor of an earlier page to continue after');
  if (paging.includes('include_total')) command.option('--include-total', 'print the total');
  return command
    .option('--limit <number>', 'at most this many; one screen when left out', (text) =>
      numberOf('--limit', text),
    )
    .option('--all', 'all pages')
    .option('--no-pager', 'do not use a pager for long output');
}
