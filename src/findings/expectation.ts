/** Of the profiles on one platform: how many there are, and how many two providers or more hold. */
interface Held {
  readonly profiles: number;
  readonly shared: number;
}

/** By platform. */
export type HeldByPlatform = Readonly<Record<string, Held>>;

/** Adds profiles to counts. */
export function countHeld(
  counts: HeldByPlatform,
  profiles: readonly { readonly platform: string; readonly providerCount: number }[],
): HeldByPlatform {
  const sums = new Map(Object.entries(counts));
  for (const { platform, providerCount } of profiles) {
    const { profiles: all, shared } = sums.get(platform) ?? { profiles: 0, shared: 0 };
    sums.set(platform, { profiles: all + 1, shared: shared + (providerCount > 1 ? 1 : 0) });
  }
  return Object.fromEntries(sums);
}

/** Of fewer shared profiles nothing can be said of what a team means to do. */
const MIN_SHARED = 3;

/**
 * The platforms on which a team means to have every profile at several providers, so that one held
 * by a single provider stands out: over half of its profiles there are shared, three at least, and
 * two of its connected providers support the platform.
 * @param supported the platforms of each connected provider
 * @returns sorted
 */
export function platformsExpectedElsewhere(
  counts: HeldByPlatform,
  supported: readonly (readonly string[])[],
): string[] {
  return Object.entries(counts)
    .filter(([, { profiles, shared }]) => shared >= MIN_SHARED && shared * 2 > profiles)
    .map(([platform]) => platform)
    .filter((platform) => supported.filter((some) => some.includes(platform)).length > 1)
    .sort();
}
