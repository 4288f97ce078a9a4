/**
 * What providers write where they know no id or handle: nothing, zeros, a word for nobody, the name
 * of the field (as in samples: `ig_user_id`, `fb_page_id`), and TikTok's handles after a reset.
 */
const BLOCKED = new RegExp(
  `^(?:${[
    '[0-]*',
    'null|undefined|none|n/a|unknown|anonymous|user',
    'deleted.*',
    String.raw`user\d{10,}`,
    '(?:[a-z]+_)?(?:user|page|account|profile|channel)_id',
  ].join('|')})$`,
  'is',
);

/** Ids of this length are not given out twice by chance, whatever their scope. */
const MIN_UNIQUE_LENGTH = 12;

function matchable(value: string | null): string | null {
  return value === null || /\s/.test(value) || BLOCKED.test(value) ? null : value;
}

/** A platform's user id, byte for byte; null where it names nobody and so matches nothing. */
export const matchableId = (id: string | null) => matchable(id);

/** A username key; null where it names nobody and so matches nothing. */
export const matchableHandle = (handle: string | null) => matchable(handle);

/** Whether equal ids are one person whatever their scopes. */
export const isUniqueAnywhere = (id: string) => id.length >= MIN_UNIQUE_LENGTH;
