import type { Context } from './context.js';
import { usageError } from './exit-codes.js';
import type { Options } from './flags.js';
import { parseColumns } from './output/columns.js';
import type { Format, OutputSettings } from './output/writer.js';

/**
 * How a command's result is to be written, as its flags say.
 * @param columns of tables when the person chooses none
 * @param fields that what is told has at its top
 */
export function outputSettings(
  { terminal }: Context,
  options: Options,
  columns: string,
  fields: readonly string[],
): OutputSettings {
  const { json, jq, output, columns: chosen } = options;
  const program = typeof jq === 'string' ? jq : undefined;
  const isJson = json !== undefined || program !== undefined;
  const format = (output ?? (isJson ? 'json' : terminal.isTerminal ? 'table' : 'tsv')) as Format;
  return {
    format,
    jq: program,
    fields: typeof json === 'string' ? fieldsOf(json, fields) : undefined,
    columns: parseColumns(typeof chosen === 'string' ? chosen : columns || fields.join(' ')),
  };
}

/**
 * Refuses flags of which one would be ignored for the other.
 * @throws CommandError for them
 */
export function refuseContradictions({ json, jq, output, columns }: Options): void {
  const asked = json !== undefined ? '--json' : jq !== undefined ? '--jq' : undefined;
  const isJson = output === 'json' || (output === 'ndjson' && jq === undefined);
  if (asked !== undefined && output !== undefined && !isJson)
    throw usageError(`${asked} and --output ${output} contradict each other: leave one out.`);
  const other = asked ?? (isJson ? `--output ${output}` : undefined);
  if (columns !== undefined && other !== undefined)
    throw usageError(
      `${other} has no columns: --json id,health.status chooses fields, --columns is for tables, TSV and CSV.`,
    );
}

const fieldsOf = (text: string, known: readonly string[]) => requireFields('--json', text, known);

/**
 * The comma-separated fields of a flag.
 * @param known the output's top-level names; none: every name is accepted
 * @throws CommandError for an unknown field, and for none
 */
export function requireFields(
  flag: string,
  text: string,
  known: readonly string[],
): readonly string[] {
  const asked = text.split(',').filter((each) => each !== '');
  const unknown = asked.find((each) => known.length > 0 && !isField(each, known));
  if (unknown === undefined && asked.length > 0) return asked;
  throw usageError(
    `${flag}: there is no field ${JSON.stringify(unknown ?? text)}. The fields are ${known.join(', ')}.`,
  );
}

/** Whether a field, such as `health.status`, begins with a known name. */
export const isField = (text: string, known: readonly string[]): boolean =>
  known.includes(text.split('.')[0] ?? '');
