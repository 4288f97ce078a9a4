import { z } from 'zod';

/** No JSON object of 64 KiB, the largest that is kept or taken, has more members. */
export const MAX_MEMBERS = 16_384;

/** Texts in one list of an account. */
export const MAX_TEXTS = 1_000;
/** Kinds of actions in the statistics of an account. */
const MAX_ACTIONS = 200;
/** Items in one answer of a provider, which may list all of its accounts at once. */
const MAX_ITEMS = 1_000_000;

/**
 * An object whose member names are data.
 * @param most how many members it may have
 */
export function recordOf<Name extends z.ZodType<string, string>, Value extends z.ZodType>(
  name: Name,
  value: Value,
  most: number,
) {
  const schema = z.record(name, value).meta({ maxProperties: most });
  // Before any member is looked at, so that too many cost no more than the most.
  return z.preprocess((given, context) => {
    if (typeof given === 'object' && given !== null && Object.keys(given).length > most) {
      context.addIssue({ code: 'custom', message: `must have at most ${most} members` });
      return z.NEVER;
    }
    return given;
  }, schema);
}

/** Values by kind of action, such as `likes`. */
export function byAction<Value extends z.ZodType>(value: Value) {
  return recordOf(z.string(), value, MAX_ACTIONS);
}

/** A list in the answer of a provider. */
export function items<Item extends z.ZodType>(item: Item) {
  return z.array(item).max(MAX_ITEMS);
}

/**
 * An answer that has all items at once, for `list` and `health`: under this name, or as a bare
 * array.
 */
export function allAtOnce(member?: string): {
  readonly response: z.ZodType<readonly unknown[]>;
  readonly map: (all: readonly unknown[]) => { readonly items: readonly unknown[] };
} {
  const list = items(z.unknown());
  const response =
    member === undefined
      ? list
      : z.object({ [member]: list }).transform((answer) => answer[member] ?? []);
  return { response, map: (all) => ({ items: all }) };
}
