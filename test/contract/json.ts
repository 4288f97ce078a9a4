import { isDeepStrictEqual } from 'node:util';

/** A key that no provider sends today. */
const NEW_KEY = 'added_later';

/**
 * A copy in which every object, however deep, has one key more, with a value like its neighbours'.
 */
export function withNewKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNewKeys);
  if (!isObject(value)) return value;
  const copy = mapValues(value, withNewKeys);
  return { ...copy, [NEW_KEY]: Object.values(copy)[0] ?? 'new' };
}

/**
 * A copy without the keys that `withNewKeys` added: what is passed on as it came keeps them, and
 * may.
 */
export function withoutNewKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNewKeys);
  if (!isObject(value)) return value;
  const { [NEW_KEY]: _, ...rest } = value;
  return mapValues(rest, withoutNewKeys);
}

/** A copy in which whatever equals `from`, however deep, is `to`. */
export function withReplaced(value: unknown, from: unknown, to: unknown): unknown {
  if (isDeepStrictEqual(value, from)) return to;
  if (Array.isArray(value)) return value.map((item) => withReplaced(item, from, to));
  return isObject(value) ? mapValues(value, (inner) => withReplaced(inner, from, to)) : value;
}

/** The value itself, frozen to its depths: whoever writes to it throws. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null)
    Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function mapValues(
  object: Record<string, unknown>,
  map: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
