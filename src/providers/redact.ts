import { withoutUrlSecrets } from '../lib/url-parameters.js';

const REDACTED = '[redacted]';

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
 * Whether a key is distinguishable from words: long, or letters and digits, or a vendor's prefix
 * (`sk_…`). A key like `test` is not; where it were struck out, ids and texts would be spoiled.
 */
function isDistinctive(key: string): boolean {
  return key.length >= 16 || (key.length >= 8 && /\d.*[a-z]|[a-z].*\d|^[a-z]{2,6}_/i.test(key));
}

const knownForms = new Map<string, readonly string[]>();
const MAX_KNOWN_KEYS = 100;

/** A key as it may be echoed: as it is, in a URL, in base64. None of a key like `test`. */
function formsOf(key: string): readonly string[] {
  const known = knownForms.get(key);
  if (known !== undefined) return known;
  const bytes = Buffer.from(key);
  // What follows the key changes the last of its characters in base64.
  const inBase64 = (['base64', 'base64url'] as const).map((encoding) =>
    bytes.toString(encoding).slice(0, Math.floor((bytes.length * 8) / 6)),
  );
  const forms = isDistinctive(key) ? [...new Set([key, encodeURIComponent(key), ...inBase64])] : [];
  if (knownForms.size >= MAX_KNOWN_KEYS) knownForms.clear();
  knownForms.set(key, forms);
  return forms;
}

/** Whether a text echoes one of our secrets. */
export function holdsSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => formsOf(secret).some((form) => text.includes(form)));
}

/**
 * A provider's value as it may be shown, stored or logged: without fields named like secrets,
 * `secrets` wherever they are echoed, and the secrets of addresses. Flags and gaps stay (`tokenValid:
 * true` reveals nothing). What holds no secret is returned as it is, uncopied. Never what is written
 * back to the provider.
 */
export function redact(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return redactValue(value, secrets);
  if (Array.isArray(value)) return redactItems(value, secrets);
  if (typeof value === 'object' && value !== null)
    return redactFields(value as Record<string, unknown>, secrets);
  return value;
}

/** As `redact`, for an object. */
export function redactFields(
  value: Record<string, unknown>,
  secrets: readonly string[],
): Record<string, unknown> {
  let copy: Record<string, unknown> | null = null;
  for (const name of Object.keys(value)) {
    const field = value[name];
    const clean = canHoldSecret(field) && isSecretName(name) ? REDACTED : redact(field, secrets);
    if (clean === field) continue;
    copy ??= { ...value };
    copy[name] = clean;
  }
  return copy ?? value;
}

/** As `redact`, for a text. */
export function redactValue(text: string, secrets: readonly string[]): string {
  const withoutKey = holdsSecret(text, secrets)
    ? secrets.flatMap(formsOf).reduce((clean, form) => clean.replaceAll(form, REDACTED), text)
    : text;
  return withoutUrlSecrets(withoutKey);
}

function redactItems(items: readonly unknown[], secrets: readonly string[]): readonly unknown[] {
  const clean = items.map((item) => redact(item, secrets));
  return clean.some((item, index) => item !== items[index]) ? clean : items;
}

function canHoldSecret(value: unknown): boolean {
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
 * A secret like `test` is struck out where it stands as a word.
 */
export function redactText(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap(formsOf);
  const words = secrets.filter((secret) => secret !== '' && !isDistinctive(secret));
  return words
    .reduce(
      (clean, word) => clean.replace(wholeWord(word), REDACTED),
      forms.reduce((clean, form) => clean.replaceAll(form, REDACTED), withoutUrlSecrets(text)),
    )
    .replace(KEY_LIKE, REDACTED)
    .replace(WORD, (word) =>
      forms.some((form) => form.includes(word.slice(0, 8))) ? REDACTED : word,
    );
}

function wholeWord(word: string): RegExp {
  return new RegExp(`(?<![\\w-])${word.replace(/[^\w\s]/g, '\\$&')}(?![\\w-])`, 'g');
}
