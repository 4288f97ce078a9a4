/**
 * A provider's name for a profile as a handle: one leading `@` stripped, case kept. `null` for a
 * text with spaces, which is a title, and for an address.
 */
export function handle(name: string | null | undefined): string | null {
  const bare = name?.replace(/^@/, '');
  return bare === undefined || bare === '' || /\s|:\/\//.test(bare) ? null : bare;
}
