import type { Noun } from './declared.js';

/** What is known of a first word before its file is loaded. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly group: Group;
  /** The only command of a noun that has its name stands there alone: `rollcall login`. */
  load(): Promise<Noun>;
}

type Group = 'Accounts:' | 'Providers:' | 'Team:' | 'Gateway:' | 'This command:';
type Nouns = { readonly nouns: readonly Noun[] };

/** Entries of one group whose nouns are in one file. */
function entries(
  group: Group,
  load: () => Promise<Nouns>,
  summaries: Readonly<Record<string, string>>,
): readonly Entry[] {
  return Object.entries(summaries).map(([name, summary]) => ({
    name,
    summary,
    group,
    load: async () => {
      const found = (await load()).nouns.find((noun) => noun.name === name);
      if (found === undefined) throw new Error(`no commands for ${name}`);
      return found;
    },
  }));
}

/** The first words of all commands, in the order of the help. */
export const CATALOGUE: readonly Entry[] = [
  ...entries('Accounts:', () => import('./nouns/accounts.js'), {
    accounts: 'list, find, change and disconnect accounts',
  }),
  ...entries('Accounts:', () => import('./nouns/profiles.js'), {
    profiles: 'identities across providers: list, merge, split',
    findings: 'what a person may want to check',
  }),
  ...entries('Accounts:', () => import('./nouns/disconnects.js'), {
    disconnects: 'plan, run and follow disconnects',
  }),
  ...entries('Accounts:', () => import('./nouns/health.js'), {
    health: 'which accounts need attention',
  }),
  ...entries('Providers:', () => import('./nouns/providers.js'), {
    providers: 'what each provider can do, and its state',
    connections: "a team's credentials at providers",
    sweeps: 'walks over what a connection lists',
    connect: 'flows that connect an account',
  }),
  ...entries('Team:', () => import('./nouns/teams.js'), {
    webhooks: 'addresses that events are sent to',
    keys: 'keys of the team',
    teams: 'teams, for the root key',
    sessions: 'browsers that are signed in to the console',
    views: "saved views of the console's pages",
    audit: 'who did what',
  }),
  ...entries('Team:', () => import('./nouns/events.js'), {
    events: 'what has changed, as a list or as it happens',
  }),
  ...entries('Gateway:', () => import('./nouns/gateway.js'), {
    api: 'any request to the API',
    doctor: 'check the settings, the connection and the gateway',
    open: 'open a page of the console',
    mcp: 'serve the Model Context Protocol on standard input and output',
  }),
  ...entries('Gateway:', () => import('./nouns/operator.js'), {
    backup: 'write the database to a file',
    restore: 'load a file into an empty database',
    migrate: 'bring the database up to date',
    'root-key': 'print a key for ROLLCALL_ROOT_KEY',
    'rotate-secret': 'encrypt everything with the new secret',
    'rebuild-profiles': 'decide again which accounts are one profile',
    'verify-receipt': 'check the receipt of a disconnect',
    'verify-audit': 'check that the audit log is complete and unchanged',
    'archive-audit': 'move old entries of the audit log to a file',
  }),
  ...entries('This command:', () => import('./nouns/access.js'), {
    login: 'store a key for a gateway',
    logout: 'forget a key',
    whoami: 'the team and key in use',
    use: 'choose among the stored keys, or list them',
  }),
  ...entries('This command:', () => import('./nouns/completion.js'), {
    completion: 'completion for bash, zsh or fish',
  }),
];
