import type { Noun, OwnCall } from '../declared.js';
import { CommandError, EXIT, usageError } from '../exit-codes.js';
import { addAccessFlags, addOutputFlags } from '../flags.js';
import { parseColumns } from '../output/columns.js';
import { itemWriter } from '../output/writer.js';
import { readSecret } from '../prompts.js';
import { writeOne } from '../run-route.js';
import { DEFAULT_URL, withoutSlash } from '../settings.js';

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

interface Whoami {
  readonly team: { readonly id: string; readonly name: string };
  readonly key: { readonly name: string; readonly scopes: readonly string[] };
}

/** Keeps a key that the gateway knows. */
async function login({ context, options }: OwnCall) {
  const { settings, environment } = context;
  const stored = await settings.settings();
  const name = text(options.profile) ?? environment.ROLLCALL_PROFILE ?? stored.current;
  const url = withoutSlash(
    text(options.url) ?? environment.ROLLCALL_URL ?? stored.profiles[name]?.url ?? DEFAULT_URL,
  );
  const team = text(options.team);
  const key = await readSecret(context, `Key for ${url}`);
  const client = await context.clientOf({ profile: name, url, team, key });
  const response = await client.ask('/v1/whoami');
  const { data } = (await response.json()) as { data: Whoami };
  await settings.keep(name, { url, ...(team !== undefined && { team }) }, key);
  context.say(
    `Logged in to ${url} as ${data.key.name} (${data.key.scopes.join(', ')}) of the team ${data.team.name}. The key is in ${settings.credentialsFile}, under the profile ${name}.`,
  );
  return EXIT.done;
}

async function logout({ context, options }: OwnCall) {
  const { settings } = context;
  const name = text(options.profile) ?? (await settings.settings()).current;
  if (!(await settings.forget(name)))
    throw new CommandError(EXIT.notFound, 'not_found', `There is no key of the profile ${name}.`);
  context.say(
    `Deleted the stored key of the profile ${name}. The key still works until it is revoked.`,
  );
  return EXIT.done;
}

async function whoami(call: OwnCall) {
  const access = await call.context.settings.access(call.options);
  const client = await call.context.clientOf(access);
  const response = await client.ask('/v1/whoami');
  const { data } = (await response.json()) as { data: object };
  await writeOne(call, { ...data, url: access.url, profile: access.profile });
  return EXIT.done;
}

async function use(call: OwnCall) {
  const { context, words, options } = call;
  const { current, profiles } = await context.settings.settings();
  const [name] = words;
  if (name === undefined) {
    const rows = Object.entries(profiles).map(([profile, { url, team = null }]) => {
      return { profile, url, team, is_current: profile === current };
    });
    const writer = itemWriter(context.streams.output, context.terminal, {
      ...call.settings(),
      ...(options.columns === undefined && {
        columns: parseColumns('profile url team is_current'),
      }),
    });
    await writer.write(rows);
    await writer.end();
    return EXIT.done;
  }
  if (profiles[name] === undefined) {
    const known = Object.keys(profiles).join(', ') || 'none: run rollcall login';
    throw usageError(`There is no profile ${name}. There are: ${known}.`);
  }
  await context.settings.use(name);
  context.say(`${name} (${profiles[name].url}) is used from now on.`);
  return EXIT.done;
}

export const nouns: readonly Noun[] = [
  {
    name: 'login',
    commands: [
      {
        verb: 'login',
        summary:
          'store a key for a gateway, typed without echo or from standard input, after checking it',
        routes: ['teams.whoami'],
        examples: ['login --profile production < key.txt'],
        shape: (command) => void addAccessFlags(command),
        run: login,
      },
    ],
  },
  {
    name: 'logout',
    commands: [
      {
        verb: 'logout',
        summary: 'delete the stored key of a profile',
        examples: ['logout --profile production'],
        shape: (command) =>
          void command.option(
            '--profile <name>',
            'profile whose key to delete; the current one when left out',
          ),
        run: logout,
      },
    ],
  },
  {
    name: 'whoami',
    commands: [
      {
        verb: 'whoami',
        summary: 'show the team, the key and the gateway in use',
        routes: ['teams.whoami'],
        fields: ['type', 'team', 'key', 'url', 'profile'],
        examples: ['whoami', 'whoami --json key.scopes'],
        shape: (command) => void addAccessFlags(addOutputFlags(command)),
        run: whoami,
      },
    ],
  },
  {
    name: 'use',
    commands: [
      {
        verb: 'use',
        summary: 'use a stored key from now on, or list the profiles',
        takes: '[profile]',
        fields: ['profile', 'url', 'team', 'is_current'],
        examples: ['use', 'use default'],
        shape: (command) => void addOutputFlags(command),
        run: use,
      },
    ],
  },
];
