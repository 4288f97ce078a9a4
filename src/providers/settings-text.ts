import { JsonText, memberOf, mergeJson, parseExactly, stringifyJson } from '../lib/json-text.js';
import { cleanJson } from '../lib/text.js';
import type { AnyAdapter, Settings } from '../model/index.js';
import { redactFields } from './redact.js';
import { invalidAnswer } from './translate-error.js';

/**
 * The settings of an account by name, each as the provider wrote it: what is written back to the
 * provider starts from these, never from what is shown.
 */
export type SettingsText = Readonly<Record<string, JsonText>>;

/** The settings in an answer of `get`, as far as it has them. */
export function settingsTextOf(adapter: AnyAdapter, body: string): SettingsText {
  const { memberOfGet } = adapter.account;
  const whole = new JsonText(body);
  const account = memberOfGet === undefined ? whole : memberOf(whole, memberOfGet);
  if (account === undefined || adapter.settings === undefined) return {};
  const settings = Object.keys(adapter.settings.shape).flatMap((name) => {
    const text = memberOf(account, name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(settings);
}

/**
 * Changes merged over the settings that a look shows: objects field by field, everything else
 * (lists too) replaced. What the changes do not name stays byte for byte.
 * @throws ProviderError `invalid_answer` when the look found the account in the list alone, where
 * its settings are not kept as they were written
 */
export function withChanges(
  adapter: AnyAdapter,
  { settingsText }: { readonly settingsText?: () => SettingsText },
  changes: Settings,
): { readonly before: SettingsText; readonly after: SettingsText } {
  if (settingsText === undefined) {
    const what = 'not found for an account that it lists, so that its settings are not known';
    throw invalidAnswer(adapter, what, null);
  }
  const before = settingsText();
  const after: Record<string, JsonText> = { ...before };
  for (const [name, change] of Object.entries(changes))
    after[name] = mergeJson(before[name] ?? new JsonText('null'), change);
  return { before, after };
}

/** Settings as they may be shown and stored. */
export function shownSettings(
  settings: Settings | SettingsText,
  secrets: readonly string[],
): Settings {
  const plain = cleanJson(parseExactly(stringifyJson(settings)));
  return redactFields(plain as Record<string, unknown>, secrets);
}
