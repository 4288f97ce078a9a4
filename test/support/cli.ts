import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Context, type Streams } from '../../src/cli/context.js';
import { runCommandLine } from '../../src/cli/run.js';
import { checkout } from './checkout.js';
import { makeFolder, removeFolder } from './folder.js';
import { waitFor } from './wait.js';

const PROGRAM = join(checkout, 'src', 'setup', 'rollcall.mjs');

/** How a command ended, and what it wrote to each stream. */
interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  /** Resolves with the match once it stands on either stream. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** The command line as a person or a script uses it, with settings and a folder of its own. */
export interface CommandLine {
  readonly folder: string;
  /** Starts it with these words, to go on with while it runs. */
  start(words: readonly string[], environment?: Readonly<Record<string, string>>): Started;
  /** Runs it to its end. @param input for its standard input, which ends after it */
  run(
    words: readonly string[],
    input?: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<Ended>;
  /**
   * Runs a line in the tests' own process, which takes a fraction of the time; of what a shell does
   * it knows quotes and `< FILE`.
   */
  inProcess(line: string, environment?: Readonly<Record<string, string>>): Promise<Ended>;
  /** A line of a shell in which `rollcall` is the command. */
  shell(line: string, environment?: Readonly<Record<string, string>>): Promise<Ended>;
  /** The same at a terminal of that many columns; `child.stdin` is what a person types. */
  terminal(line: string, columns: number, environment?: Readonly<Record<string, string>>): Started;
  remove(): Promise<void>;
}

/** @param key that it works with; without one it is told nothing */
export async function commandLine(url: string, key: string | undefined): Promise<CommandLine> {
  const folder = await makeFolder();
  await mkdir(join(folder, 'bin'));
  const command = join(folder, 'bin', 'rollcall');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  await chmod(command, 0o755);
  const variables = (environment: Readonly<Record<string, string>>) => ({
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    ROLLCALL_CONFIG_DIR: join(folder, 'settings'),
    ROLLCALL_URL: url,
    ...(key !== undefined && { ROLLCALL_API_KEY: key }),
    ...environment,
  });
  const begin = (
    [program = '', ...parameters]: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) => watched(spawn(program, parameters, { cwd: folder, env: variables(environment) }));
  const start: CommandLine['start'] = (words, environment) =>
    begin([process.execPath, PROGRAM, ...words], environment);
  return {
    folder,
    start,
    run: async (words, input = '', environment = {}) => {
      const started = start(words, environment);
      started.child.stdin?.end(input);
      return started.ended;
    },
    inProcess: async (line, environment = {}) => {
      const [, words = '', file] = /^(.*?)(?: < (\S+)| > \S+| \|\| .*)?$/.exec(line) ?? [];
      const streams = { input: new PassThrough(), output: caught(), errors: caught() };
      streams.input.end(file === undefined ? '' : await readFile(join(folder, file)));
      const context = new Context(streams as unknown as Streams, variables(environment));
      const code = await runCommandLine(context, wordsOf(words));
      return { code, output: streams.output.text(), errors: streams.errors.text() };
    },
    shell: async (line, environment = {}) => {
      const started = begin(['sh', '-c', line], environment);
      started.child.stdin?.end();
      return started.ended;
    },
    terminal: (line, columns, environment = {}) =>
      begin(['script', '-qefc', `stty rows 24 cols ${columns}; ${line}`, '/dev/null'], {
        TERM: 'xterm',
        ...environment,
      }),
    remove: () => removeFolder(folder),
  };
}

/** A stream that keeps what is written to it. */
function caught(): PassThrough & { text(): string } {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  return Object.assign(stream, { text: () => text });
}

/** The words of a line, in quotes or without. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
}

function watched(child: ChildProcess): Started {
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (text) => {
    output += text;
  });
  child.stderr?.on('data', (text) => {
    errors += text;
  });
  // It may end before it has read all of its input.
  child.stdin?.on('error', () => undefined);
  const ended = waitFor(`${child.spawnargs.join(' ')} to end`, () => once(child, 'close')).then(
    ([code]) => ({ code: code as number | null, output, errors }),
  );
  return {
    child,
    output: () => output,
    errors: () => errors,
    says: (pattern) =>
      waitFor(`${pattern} to be said`, () => pattern.exec(output) ?? pattern.exec(errors)),
    ended,
  };
}
