export const REDACTED = '[redacted]';

const SECRET_NAME =
  /secret|passw|authorization|credential|cookie|(^|[_-])(key|token|jwt|bearer)s?$|^(api|access|auth|refresh|id|session|private)(key|token)s?$/i;
/** Only its capital makes the last word of a camel-case name, or `monkey` would be a secret. */
const CAMEL_SECRET_NAME = /[a-z\d](Key|Token|Jwt)s?$/;

/**
 * Field names repeat from item to item; their number is bounded because callers choose the names
 * inside `metadata`.
 */
const knownNames = new Map<string, boolean>();
const MAX_KNOWN_NAMES = 2_000;

function isSecretName(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const secret = SECRET_NAME.test(name) || CAMEL_SECRET_NAME.test(name);
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, secret);
  return secret;
}

/**
 * A provider's raw value without anything that looks like a secret: fields named like one, and
 * `apiKey` wherever it is echoed. Flags and gaps stay (`tokenValid: true` tells nothing). What
 * holds no secret is returned as it is, uncopied.
 */
export function redact(value: unknown, apiKey: string): unknown {
  if (typeof value === 'string')
    return apiKey !== '' && value.includes(apiKey) ? value.replaceAll(apiKey, REDACTED) : value;
  if (Array.isArray(value)) return redactItems(value, apiKey);
  if (typeof value === 'object' && value !== null)
    return redactFields(value as Record<string, unknown>, apiKey);
  return value;
}

/** As `redact`, for an object. */
export function redactFields(
  value: Record<string, unknown>,
  apiKey: string,
): Record<string, unknown> {
  let copy: Record<string, unknown> | null = null;
  for (const name of Object.keys(value)) {
    const field = value[name];
    const clean = isTelling(field) && isSecretName(name) ? REDACTED : redact(field, apiKey);
    if (clean === field) continue;
    copy ??= { ...value };
    copy[name] = clean;
  }
  return copy ?? value;
}

function redactItems(items: readonly unknown[], apiKey: string): readonly unknown[] {
  const clean = items.map((item) => redact(item, apiKey));
  return clean.some((item, index) => item !== items[index]) ? clean : items;
}

function isTelling(value: unknown): boolean {
  return value !== null && value !== undefined && typeof value !== 'boolean';
}

/**
 * Words that look like a key or a part of one: long runs with a vendor's prefix (`sk_live_…`), and
 * what follows `Bearer`.
 */
const KEY_LIKE = /bearer\s+\S+|\b[a-z]{2,6}_(live_|test_)?[a-z\d]{12,}/gi;
/** A masked key still shows its beginning: `sk_live_ab***`. */
const WORD = /[\w.*-]{8,}/g;

/**
 * Someone else's prose, without anything that resembles a key, or one of `secrets` or a part of it.
 */
export function redactText(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, encodeURIComponent(secret)]);
  return forms
    .reduce((clean, form) => clean.replaceAll(form, REDACTED), text)
    .replace(KEY_LIKE, REDACTED)
    .replace(WORD, (word) =>
      forms.some((form) => form.includes(word.slice(0, 8))) ? REDACTED : word,
    );
}
