import type { ReadStream, WriteStream } from 'node:tty';
import type { Rollcall } from '../client/index.js';
import { CommandError, EXIT } from './exit-codes.js';
import { Progress } from './output/progress.js';
import { type Environment, type Terminal, terminalOf } from './output/terminal.js';
import { type Access, type AccessFlags, SettingsStore } from './settings.js';

/** The three streams of a process. */
export interface Streams {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly errors: WriteStream;
}

/** What commands work with. */
export class Context {
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly settings: SettingsStore;
  /** What a person is told who interrupts the command now. */
  onInterrupt: readonly string[] = [];
  /** Of the last request, where it had one. */
  idempotencyKey: string | undefined;

  constructor(
    readonly streams: Streams,
    readonly environment: Environment,
  ) {
    this.terminal = terminalOf(streams.output, environment);
    this.progress = new Progress(streams.errors);
    this.settings = new SettingsStore(environment);
  }

  /** Whether a person can be asked. */
  get isInteractive(): boolean {
    const { input, errors } = this.streams;
    return input.isTTY === true && errors.isTTY === true;
  }

  /** To the person, beside the output. */
  say(line: string): void {
    this.progress.clear();
    this.streams.errors.write(`${line}\n`);
  }

  /**
   * A client with the key of the person.
   * @throws CommandError where there is no key
   */
  async client(flags: AccessFlags): Promise<Rollcall> {
    return this.clientOf(await this.settings.access(flags));
  }

  /** @param retries attempts after the first; the client's own number when left out */
  async clientOf(access: Access, retries?: number): Promise<Rollcall> {
    return (await this.clientsOf(access, retries))();
  }

  /** Makes clients with the key of the person, each for the assistant that it is given. */
  async clientsOf(
    { url, key, team }: Access,
    retries?: number,
  ): Promise<(agent?: string) => Rollcall> {
    if (key === undefined)
      throw new CommandError(
        EXIT.key,
        'unauthorized',
        'There is no key: run `rollcall login`, or set ROLLCALL_API_KEY.',
      );
    if (!/^https?:\/\//.test(url) || !URL.canParse(url))
      throw new CommandError(
        EXIT.usage,
        'usage',
        `${url} is not an address: http://… or https://…`,
      );
    const { createRollcall } = await import('../client/index.js');
    return (agent) =>
      createRollcall({
        baseUrl: url,
        key,
        ...(team !== undefined && { team }),
        ...(agent !== undefined && { agent }),
        ...(retries !== undefined && { retries }),
        fetch: async (request) => {
          this.idempotencyKey = request.headers.get('idempotency-key') ?? undefined;
          return this.progress.during(`Waiting for ${url}`, fetch(request));
        },
        sleep: (ms) =>
          this.progress.during(
            `${url} is busy; trying again in ${Math.ceil(ms / 1_000)} s`,
            new Promise((resolve) => setTimeout(resolve, ms)),
          ),
      });
  }
}
