import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { membersOf, withMembers } from '../support/raw-json.js';
import { FAULTS, type ProviderName } from './provider-formats.js';
import type { Answer, Received, ScriptedProvider } from './scripted-provider.js';

/** The exchange that a false answer is given to. */
interface Asked {
  readonly provider: ScriptedProvider;
  readonly request: Received;
  /** Does what is asked and gives the true answer. */
  readonly usual: () => Answer;
  /** Which variant of a false answer is given. */
  readonly pick: number;
  /** Whether no whole list leaves an account out; or else no other answer does. */
  readonly isListTrue: boolean;
}

/** `undefined`: not possible here, so the true answer is given. */
type FalseAnswer = (asked: Asked) => Answer | undefined;
type FalseAnswers = Readonly<Record<string, FalseAnswer>>;

const choose = <Item>(items: readonly Item[], pick: number) => items[pick % items.length] as Item;
const textOf = ({ raw, body }: Answer) =>
  String(raw ?? (body === undefined ? '' : JSON.stringify(body)));
const isObject = (text: string) => text.startsWith('{') && text.endsWith('}');
const isGood = ({ status = 200 }: Answer) => status < 300;

const STATUSES = [203, 206, 207, 226, 299, 302, 400, 401, 402, 403, 409, 418, 422, 429];
const FAILURES = [500, 502, 503, 504, 520];
const WEB_PAGES: readonly Answer[] = [
  { headers: [['content-type', 'text/html']], raw: '<html><center>nginx</center></html>' },
  { headers: [['content-type', 'text/plain']], raw: '404 page not found\n' },
  { raw: '<Error><Code>NoSuchKey</Code></Error>' },
  { raw: '' },
];
const FOREIGN_JSON: readonly Answer[] = [
  { body: { message: 'no Route matched with those values' } },
  { body: { detail: 'Not Found' } },
  { body: { timestamp: 'now', status: 404, error: 'Not Found', path: '/' } },
  { raw: 'null' },
  { raw: '[]' },
  { raw: '{}' },
  { raw: '"gone"' },
];
const ERROR_MEMBERS: Record<ProviderName, readonly string[]> = {
  outfame: ['"error":{"code":"x","message":"shard"}'],
  creatoraudit: ['"code":"UPSTREAM_ERROR","status":502,"title":"Bad","detail":"shard"'],
  socialsyncer: ['"error":"shard","code":"INTERNAL_ERROR"'],
  octopost: ['"error":"shard","code":"internal"'],
};
/** A 404 in the provider’s own shape, of a code that it does not document for accounts. */
const UNDOCUMENTED: Record<ProviderName, object> = {
  outfame: { error: { code: 'route_unknown', message: 'Not Found' } },
  creatoraudit: { type: 'about:blank', title: 'Not Found', status: 404, code: 'ROUTE_UNKNOWN' },
  socialsyncer: { error: 'Not Found', code: 'ROUTE_UNKNOWN' },
  octopost: { error: 'Not Found', code: 'route_unknown' },
};

/** Whatever was asked: the work is done, or not, and what comes back is no evidence of it. */
const ANYWHERE: FalseAnswers = {
  'another status': ({ usual, pick }) => ({ ...usual(), status: choose(STATUSES, pick) }),
  'a failure after the work': ({ usual, pick }) => ({ ...usual(), status: choose(FAILURES, pick) }),
  'a refusal': ({ pick }) => ({
    status: choose(STATUSES.slice(6), pick),
    body: { error: 'x', code: 'x' },
  }),
  'a failure': ({ pick }) => ({ status: choose(FAILURES, pick), body: { error: 'x', code: 'x' } }),
  'a web page': ({ usual, pick }) => ({
    ...usual(),
    ...choose(WEB_PAGES.slice(0, 3), pick),
    status: 200,
  }),
  'another document': ({ usual, pick }) => ({
    ...usual(),
    ...choose(FOREIGN_JSON, pick),
    status: 200,
  }),
  'a proxy’s 404': ({ pick }) => ({ ...choose(WEB_PAGES, pick), status: choose([404, 410], pick) }),
  'an error member': ({ provider, usual, pick }) => {
    const answer = usual();
    const text = textOf(answer);
    const members = [
      ...ERROR_MEMBERS[provider.name],
      '"errors":[{"message":"x"}]',
      '"success":false',
    ];
    if (!isObject(text) || text === '{}' || !isGood(answer)) return undefined;
    return { ...answer, body: undefined, raw: `${text.slice(0, -1)},${choose(members, pick)}}` };
  },
  'a connection cut off': ({ usual, pick }) => {
    const answer = usual();
    const text = textOf(answer);
    return text === '' ? undefined : { ...answer, cutAfter: pick % text.length };
  },
  'half a body': ({ usual, pick }) => {
    const answer = usual();
    const text = textOf(answer);
    if (text === '') return undefined;
    return { ...answer, body: undefined, raw: text.slice(0, pick % text.length) };
  },
};

/** Strange, and true. */
const TRUE_ALL_THE_SAME: FalseAnswers = {
  'gzip that nobody asked for': ({ usual }) => {
    const answer = usual();
    const headers = [...(answer.headers ?? []), ['content-encoding', 'gzip'] as const];
    if (textOf(answer) === '') return undefined;
    return { ...answer, body: undefined, headers, raw: gzipSync(textOf(answer)) };
  },
  'members that say that all went well': ({ usual }) => {
    const answer = usual();
    const text = textOf(answer);
    if (!isObject(text) || text === '{}' || !isGood(answer)) return undefined;
    const members = '"success":true,"error":null,"errors":[]';
    return { ...answer, body: undefined, raw: `${text.slice(0, -1)},${members}}` };
  },
};

/** What no field of an account can be read from. */
const JUNK = ['null', '{}', '[]', '{"a":[1]}', '[[]]'];

/** Answers in which one field of one account is broken. */
const FIELDS: FalseAnswers = {
  'a broken field': (asked) => broken(asked, (names) => choose(names, asked.pick >> 4)),
  'a broken id': (asked) =>
    broken(asked, (names) => names.find((name) => name === 'id' || name === 'accountId')),
};

function broken(
  { provider, usual, pick }: Asked,
  fieldOf: (names: readonly string[]) => string | undefined,
): Answer | undefined {
  const answer = usual();
  const text = textOf(answer);
  const items = [...provider.held.values()]
    .flatMap(({ item, health }) => [item, health ?? item])
    .filter((item) => text.includes(item));
  if (!isGood(answer) || items.length === 0) return undefined;
  const item = choose(items, pick);
  const name = fieldOf([...membersOf(item).keys()]);
  if (name === undefined) return undefined;
  const changed = withMembers(item, new Map([[name, choose(JUNK, pick)]]));
  return { ...answer, body: undefined, raw: text.replace(item, () => changed) };
}

/** Somebody else’s 404 in JSON, and one of the provider’s own that is about something else. */
const OTHER_404: FalseAnswers = {
  'a framework’s 404': ({ pick }) => ({
    ...choose(FOREIGN_JSON, pick),
    status: choose([404, 410], pick),
  }),
  'an undocumented 404': ({ provider, pick }) => ({
    status: choose([404, 410], pick),
    body: UNDOCUMENTED[provider.name],
  }),
};

/** Lists with every account, and something else with it. */
const FULL_LISTS: FalseAnswers = {
  copies: ({ provider, pick }) => listed(provider, every, (at) => (pick >> at) & 3),
  'copies that disagree': ({ provider, pick }) => {
    const items = [...provider.held.values()].map(({ item }) => item);
    const copies = items.filter((_item, at) => ((pick >> at) & 1) === 1).map(changed);
    return page(provider, pick % 2 === 0 ? [...copies, ...items] : [...items, ...copies]);
  },
};

const MARKS = [
  '"truncated":true',
  '"isPartial":true',
  '"incomplete_results":"true"',
  '"complete":false',
  '"meta":{"page":1,"total_pages":3}',
  '"meta":{"error":"shard"}',
  '"error_message":"shard"',
];
/** Lists that leave accounts out and say so. */
const MARKED_LISTS: FalseAnswers = {
  'a list that says it is a part': ({ provider, pick }) => {
    const answer = listed(provider, (_id, at) => at % 3 === pick % 3);
    return { raw: `${textOf(answer).slice(0, -1)},${choose(MARKS, pick)}}` };
  },
  'a list that counts more than it has': ({ provider, request, pick }) => {
    if (request.query.has('cursor')) return undefined;
    const answer = listed(provider, (_id, at) => at % 3 !== pick % 3);
    const total = choose(['total', 'totalCount', 'total_items'], pick);
    return { raw: `${textOf(answer).slice(0, -1)},"${total}":${provider.held.size}}` };
  },
  'a list that links to a next page': ({ provider, pick }) => {
    const answer = listed(provider, (_id, at) => at % 3 === pick % 3);
    const next = 'https://api.example/accounts?page=2';
    // Where a flag says that there is no more, a link in the body may be left over.
    const hasFlag = provider.name === 'outfame' || provider.name === 'creatoraudit';
    return hasFlag || pick % 2 === 0
      ? { ...answer, headers: [['link', `<${next}>; rel="next"`]] }
      : { raw: `${textOf(answer).slice(0, -1)},"links":{"next":"${next}"}}` };
  },
};

/** Lists that are well formed, whole to look at, and not true: rows moved, stale shards. */
const FALSE_LISTS: FalseAnswers = {
  'a list of some': ({ provider, pick }) => listed(provider, (_id, at) => ((pick >> at) & 1) === 1),
  'a list without one': ({ provider, pick }) => listed(provider, (_id, at) => at !== pick % 8),
  'an empty list': ({ provider }) => listed(provider, () => false),
  'rows that move between pages': ({ provider, pick, request }) => paged(provider, request, pick),
};

/** Single accounts that are somebody else’s, or not one account. */
const SINGLE: FalseAnswers = {
  'another account': ({ provider, request, pick }) => {
    const others = [...provider.held].filter(([id]) => !request.path.endsWith(`/${id}`));
    return others.length === 0 ? undefined : shown(provider, choose(others, pick)[1].item);
  },
  'all accounts': ({ provider }) =>
    shown(provider, `[${[...provider.held.values()].map(({ item }) => item)}]`),
  'no account': ({ provider }) => shown(provider, 'null'),
  'its id in another case': ({ usual }) => {
    const answer = usual();
    if (!isGood(answer)) return undefined;
    const raw = textOf(answer).replace(
      /"id":"([^"]*)"/,
      (_all, id: string) => `"id":"${id.toUpperCase()}"`,
    );
    return { ...answer, body: undefined, raw };
  },
};

/** Deletes that say yes, or that there was nothing, and did nothing. */
const DELETES: FalseAnswers = {
  'a yes that did nothing': ({ provider, request }) =>
    ({
      outfame: { body: { id: request.path.split('/').at(-1), deleted: true } },
      creatoraudit: { status: 204 },
      socialsyncer: { body: { deleted: true } },
      octopost: { status: 204 },
    })[provider.name],
  'a no that knows nothing': ({ provider }) => FAULTS[provider.name],
  'a yes that is cut off': ({ usual }) => ({
    ...usual(),
    cutAfter: 0,
    status: 200,
    raw: '{"deleted":true}',
    body: undefined,
  }),
};

/** Changes that say yes and did nothing. */
const CHANGES: FalseAnswers = {
  'a change that was not made': ({ provider, request }) => {
    const item = provider.held.get(decodeURIComponent(request.path.split('/').at(-1) ?? ''))?.item;
    return item === undefined ? undefined : shown(provider, item);
  },
};

/** All false answers: to what each can be given, and how often, if more often than the others. */
const CATALOGUE: readonly {
  readonly falseAnswers: FalseAnswers;
  readonly weight?: number;
  fits(asked: Asked): boolean;
}[] = [
  { falseAnswers: ANYWHERE, fits: () => true },
  { falseAnswers: TRUE_ALL_THE_SAME, fits: () => true },
  { falseAnswers: FIELDS, fits: isRead },
  { falseAnswers: OTHER_404, fits: (asked) => asked.isListTrue || !isSingle(asked) },
  { falseAnswers: FULL_LISTS, fits: isList },
  { falseAnswers: MARKED_LISTS, fits: isList },
  { falseAnswers: FALSE_LISTS, weight: 6, fits: (asked) => isList(asked) && isLyingList(asked) },
  { falseAnswers: SINGLE, fits: isSingle },
  { falseAnswers: DELETES, weight: 2, fits: ({ request }) => request.method === 'DELETE' },
  { falseAnswers: CHANGES, fits: ({ request }) => request.method === 'PATCH' },
];

/** The names of all false answers. */
export const FALSE_ANSWERS: readonly string[] = CATALOGUE.flatMap(({ falseAnswers }) =>
  Object.keys(falseAnswers),
);

/**
 * Answers an exchange with a false answer. Nothing that it says proves, together with what else is
 * said in the same act, that an account is gone which is not: where whole lists may leave accounts
 * out, a look at one account, or the health report, tells the truth of it or nothing.
 * @param way which of the false answers that fit
 */
export function falseAnswer(
  asked: Asked,
  way: number,
): { readonly name: string; readonly answer: Answer } {
  const fitting = CATALOGUE.filter(({ fits }) => fits(asked));
  const weighted = fitting.flatMap(({ falseAnswers, weight = 1 }) =>
    Array<FalseAnswers>(weight).fill(falseAnswers),
  );
  const falseAnswers = choose(weighted, way);
  const [name, tell] = choose(Object.entries(falseAnswers), way >> 5);
  const answer = tell(asked);
  return answer === undefined ? { name: 'the truth', answer: asked.usual() } : { name, answer };
}

function isRead({ request }: Asked): boolean {
  return request.method === 'GET';
}

function isList(asked: Asked): boolean {
  return isRead(asked) && asked.request.path === '/accounts';
}

function isSingle(asked: Asked): boolean {
  const { name } = asked.provider;
  return isRead(asked) && asked.request.path.startsWith('/accounts/') && name !== 'socialsyncer';
}

function isLyingList({ isListTrue, request }: Asked): boolean {
  return !isListTrue || request.query.has('platform');
}

function shown({ name }: ScriptedProvider, item: string): Answer {
  return { raw: name === 'creatoraudit' ? `{"data":${item}}` : item };
}

const every = () => true;

/** The same account as another shard has it. */
function changed(item: string): string {
  const at = createHash('sha1').update(item).digest()[0] ?? 0;
  const changes = [
    ['is_active', 'false'],
    ['status', '"paused"'],
    ['display_name', '"Another name"'],
    ['follower_count', '1'],
  ] as const;
  const known = changes.filter(([name]) => membersOf(item).has(name));
  return known.length === 0 ? item : withMembers(item, new Map([choose(known, at)]));
}

/** A list of those that `isShown` lets through, each so many times more. */
function listed(
  provider: ScriptedProvider,
  isShown: (id: string, at: number) => boolean,
  copies: (at: number) => number = () => 0,
): Answer {
  const items = [...provider.held].flatMap(([id, { item }], at) =>
    isShown(id, at) ? Array.from({ length: 1 + copies(at) }, () => item) : [],
  );
  return page(provider, items);
}

/** Two pages; between them a row moved from the second to the first, or the other way. */
function paged(provider: ScriptedProvider, { query }: Received, pick: number): Answer | undefined {
  if (provider.name === 'octopost' || provider.name === 'socialsyncer') return undefined;
  const items = [...provider.held.values()].map(({ item }) => item);
  const middle = pick % (items.length + 1);
  const isShifted = pick % 3;
  return query.has('cursor')
    ? page(provider, items.slice(Math.max(0, middle + isShifted - 1)))
    : page(provider, items.slice(0, middle), `cur_${middle}`);
}

function page({ name }: ScriptedProvider, items: readonly string[], next?: string): Answer {
  const cursor = JSON.stringify(next ?? null);
  if (name === 'outfame')
    return { raw: `{"data":[${items}],"has_more":${next !== undefined},"next_cursor":${cursor}}` };
  if (name === 'creatoraudit')
    return {
      raw: `{"data":[${items}],"pagination":{"has_next":${next !== undefined},"next_cursor":${cursor},"limit":200}}`,
    };
  return { raw: `{"accounts":[${items}]}` };
}
