/**
 * What providers write where they know no id or handle: nothing, zeros, a word for nobody, the name
 * of the field (as in samples: `ig_user_id`, `fb_page_id`), TikTok's handles after a reset, and texts
 * with spaces. Without regard to case; as PostgreSQL reads it, too.
 */
export const NOBODY = `^(?:${[
  '[0-]*',
  'null|undefined|none|n/a|unknown|anonymous|user',
  'deleted.*',
  String.raw`user\d{10,}`,
  '(?:[a-z]+_)?(?:user|page|account|profile|channel)_id',
  String.raw`.*\s.*`,
].join('|')})$`;

const PATTERN = new RegExp(NOBODY, 'is');

/** Whether an id or a handle that a provider shows is nobody's, so that equal ones say nothing. */
export const namesNobody = (value: string) => PATTERN.test(value);
