/**
 * What a provider does for an account. `publisher`: acts as the owner, by a grant of the network;
 * `measurement`: looks at the profile from outside; `growth`: engages in its name to grow it. Where
 * several hold one profile, their words count in this order.
 */
export const ROLES = ['publisher', 'measurement', 'growth'] as const;
export type Role = (typeof ROLES)[number];
/** Of an adapter that declares none. */
export const DEFAULT_ROLE: Role = 'publisher';
