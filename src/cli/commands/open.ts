import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import type { OwnCall } from '../declared.js';
import { EXIT, type ExitCode, usageError } from '../exit-codes.js';
import { addressOf } from '../run-route.js';

/** Where things of each kind have their page in the console. */
const PAGES: Readonly<Record<string, string>> = {
  acct: '/accounts/{id}',
  prof: '/profiles/{id}',
  disc: '/disconnects/{id}',
  conn: '/connections/{id}',
  whk: '/webhooks/{id}',
};
/** Nouns that have a page of their own. */
const LISTS = [
  ...['accounts', 'profiles', 'findings', 'disconnects', 'providers', 'connections'],
  ...['webhooks', 'keys', 'teams', 'sessions', 'audit'],
];
/** Every page that an address is made for, for who keeps the console. */
export const CONSOLE_PAGES: readonly string[] = [
  '/',
  ...LISTS.map((noun) => `/${noun}`),
  ...Object.values(PAGES),
];

/** `rollcall open [id]`: at a terminal in the browser, else its address is told. */
export async function openPage(call: OwnCall): Promise<ExitCode> {
  const { context, options, words } = call;
  const { url } = await context.settings.access(call.options);
  const address = `${url}${await pageOf(call, words[0])}`;
  context.streams.output.write(`${address}\n`);
  if (options.print === true || !context.terminal.isTerminal) return EXIT.done;
  const program = { darwin: 'open', win32: 'explorer' }[String(platform())] ?? 'xdg-open';
  const browser = spawn(program, [address], { detached: true, stdio: 'ignore' });
  browser.on('error', () => context.say(`${program} is not there: open the address yourself.`));
  browser.unref();
  return EXIT.done;
}

async function pageOf(call: OwnCall, id: string | undefined): Promise<string> {
  if (id === undefined) return '/';
  if (LISTS.includes(id)) return `/${id}`;
  const known = PAGES[/^([a-z]+)_/.exec(id)?.[1] ?? ''];
  if (known !== undefined) return addressOf(known, { id });
  if (!/[:/]|^acc_/.test(id))
    throw usageError(
      `${id} has no page: accounts, profiles, disconnects, connections and webhooks do, by their ids, and lists by their nouns, such as ${LISTS[0]}.`,
    );
  // The gateway knows which account a provider's id is of.
  const response = await (await call.client()).ask(addressOf('/v1/accounts/{id}', { id }));
  const { data } = (await response.json()) as { data: { id: string } };
  return addressOf('/accounts/{id}', { id: data.id });
}
