/** What the `Prefer` header (RFC 7240) asks about waiting. */
interface WaitPreference {
  readonly seconds: number;
  /** For `Preference-Applied`; absent: nothing was asked, or nothing we know. */
  readonly applied: string | undefined;
}

/** @param defaultSeconds without a preference @param mostSeconds a longer `wait` is cut to this */
export function waitPreference(
  prefer: string,
  defaultSeconds: number,
  mostSeconds: number,
): WaitPreference {
  const preferences = prefer.split(',').map((preference) => preference.trim().toLowerCase());
  if (preferences.includes('respond-async')) return { seconds: 0, applied: 'respond-async' };
  const asked = preferences
    .map((preference) => /^wait *= *"?(\d{1,9})"?$/.exec(preference)?.[1])
    .find((seconds) => seconds !== undefined);
  if (asked === undefined) return { seconds: defaultSeconds, applied: undefined };
  const seconds = Math.min(Number(asked), mostSeconds);
  return { seconds, applied: `wait=${seconds}` };
}
