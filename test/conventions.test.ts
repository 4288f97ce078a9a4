import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import ts from 'typescript';
import { adapters } from '../adapters/index.gen.js';
import { variableNames } from '../src/config.js';
import { API_KEY_CREDENTIALS, credentialFields } from '../src/model/index.js';
import { checkout } from './support/checkout.js';
import { describe, expect, test } from './support/jest.js';

const MAX_LINES = 450;
const MAX_PARAMETERS = 5;
const MAX_ADAPTER_LINES = 290;
/** Files that may be longer, and why. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** Source files under the folders, as paths from the root with `/`. */
function sources(...folders: string[]): readonly string[] {
  return folders
    .filter((folder) => existsSync(join(checkout, folder)))
    .flatMap((folder) =>
      readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
        join(folder, file),
      ),
    )
    .map((file) => file.split(sep).join('/'))
    .filter((file) => /\.(tsx?|mjs)$/.test(file) && !file.includes('prisma-client'));
}

const text = (file: string) => readFileSync(join(checkout, file), 'utf8');

/** What a file imports: packages by name, files as paths from the root. */
function imports(file: string): readonly string[] {
  return ts.preProcessFile(text(file)).importedFiles.map(({ fileName }) => {
    return fileName.startsWith('.') ? join(dirname(file), fileName).split(sep).join('/') : fileName;
  });
}

const adapterIds = readdirSync(join(checkout, 'adapters'), { withFileTypes: true }).flatMap(
  (entry) => (entry.isDirectory() ? [entry.name] : []),
);
const adapterFiles = adapterIds.flatMap((id) =>
  sources(`adapters/${id}`).map((file) => ({ id, file })),
);

/**
 * The rooms of the gateway from top to bottom. A file imports its own room and those below it.
 * Rooms on one line are told apart by the components' order: none imports one before it.
 */
const ROOMS = [
  ...[
    'setup',
    'main.ts',
    'gateway.ts',
    'processes',
    'app.ts',
    'components.ts',
    'cli',
    'config.ts',
    'api',
    'mcp',
    'client',
  ],
  ...[
    'secrets',
    'views',
    'webhooks',
    'disconnects',
    'sweeps',
    'health',
    'findings',
    'profiles',
    'accounts',
  ],
  ...['connections', 'events', 'teams', 'audit'],
  ...['providers', 'work', 'http', 'database', 'model', 'lib'],
];
/** Rooms with one door, `index.ts`: what the others may import of them. */
const WITH_DOOR = new Set([
  ...[
    'secrets',
    'views',
    'webhooks',
    'disconnects',
    'sweeps',
    'health',
    'findings',
    'profiles',
    'accounts',
  ],
  ...['connections', 'events', 'teams', 'audit', 'providers', 'work', 'model', 'client', 'mcp'],
]);
const roomOf = (file: string) => file.split('/')[1] ?? '';
const gatewayFiles = sources('src').map((file) => ({ file }));
/** The source files of the gateway that a file imports. */
const gatewayImports = (file: string) =>
  imports(file).flatMap((imported) =>
    /^src\/(?!database\/prisma-client)/.test(imported) ? [imported.replace(/\.js$/, '.ts')] : [],
  );

describe('the order of the rooms', () => {
  test.each(gatewayFiles)('$file stands in a room and imports no room above it', ({ file }) => {
    const floor = ROOMS.indexOf(roomOf(file));
    expect(floor).toBeGreaterThanOrEqual(0);
    const upward = gatewayImports(file).filter(
      (imported) => ROOMS.indexOf(roomOf(imported)) < floor,
    );
    expect(upward).toStrictEqual([]);
  });

  test.each(gatewayFiles)('$file enters other rooms through their door', ({ file }) => {
    const pastTheDoor = gatewayImports(file).filter((imported) => {
      const room = roomOf(imported);
      return room !== roomOf(file) && WITH_DOOR.has(room) && imported !== `src/${room}/index.ts`;
    });
    expect(pastTheDoor).toStrictEqual([]);
  });

  test('no files import each other in a circle', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      if (path.includes(file) || done.has(file)) return;
      for (const imported of gatewayImports(file)) visit(imported, [...path, file]);
      done.add(file);
    };
    for (const { file } of gatewayFiles) visit(file, []);
    expect(circles).toStrictEqual([]);
  });
});

describe('import directions', () => {
  test.each(adapterFiles)('$file imports the model, zod and its own folder', ({ id, file }) => {
    const allowed = (imported: string) =>
      imported === 'zod' ||
      imported === 'src/model/index.js' ||
      imported.startsWith(`adapters/${id}/`);
    expect(imports(file).filter((imported) => !allowed(imported))).toStrictEqual([]);
  });

  test.each(sources('src/model').map((file) => ({ file })))(
    '$file imports the model and zod: no I/O',
    ({ file }) => {
      const allowed = (imported: string) =>
        imported === 'zod' ||
        ['src/lib/text.js', 'src/lib/instant.js'].includes(imported) ||
        imported.startsWith('src/model/');
      expect(imports(file).filter((imported) => !allowed(imported))).toStrictEqual([]);
    },
  );

  test('the gateway knows adapters through its registry alone', () => {
    const knowing = sources('src').filter(
      (file) =>
        !file.startsWith('src/setup/') &&
        imports(file).some((imported) => imported.startsWith('adapters/')),
    );
    expect(knowing.filter((file) => file !== 'src/providers/registry.ts')).toStrictEqual([]);
  });

  test('the console is over the public API alone: of the gateway it imports the typed client', () => {
    const reaching = sources('web').filter((file) =>
      imports(file).some((imported) =>
        /^(src|adapters|sandbox)\/(?!client\/index\.)/.test(imported),
      ),
    );
    expect(reaching).toStrictEqual([]);
  });

  test('the sandbox is an independent witness: it imports neither the gateway nor adapters', () => {
    const leaning = sources('sandbox').filter((file) =>
      imports(file).some((imported) => /^(src|adapters)\//.test(imported)),
    );
    expect(leaning).toStrictEqual([]);
  });
});

describe('files of components', () => {
  const ROLES = ['routes', 'service', 'repository', 'requests', 'schema', 'example', 'sql'];
  const inComponents = gatewayFiles.filter(({ file }) =>
    [...WITH_DOOR].some((room) => file.startsWith(`src/${room}/`)),
  );

  test.each(inComponents)('$file has one of the roles in its name, or none', ({ file }) => {
    const [, role] = /\.([^/]+)\.ts$/.exec(file) ?? [];
    expect([...ROLES, 'gen', undefined]).toContain(role);
  });
});

describe('queries', () => {
  /** Statements by hand, and the methods of Prisma's models and client. */
  const QUERY =
    /\.query\s*[(<]|\bprisma\s*\.|\$(query|execute)Raw|\.(findMany|findFirst|findUnique|createMany|updateMany|deleteMany|upsert|groupBy|aggregate)\w*\(/;
  const code = (file: string) =>
    text(file)
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/^\s*\/\/.*$/gm, '');

  test.each(gatewayFiles.filter(({ file }) => !/^src\/database\/|\.repository\.ts$/.test(file)))(
    '$file leaves them to a repository',
    ({ file }) => {
      expect(code(file)).not.toMatch(QUERY);
    },
  );

  test.each([
    'const { rows } = await this.parts.database.pool.query<Row>(TEXT, values);',
    'await client.query({ name, text })',
    'await this.database.prisma.team.count();',
    'const { team } = this.database.prisma;\nreturn team.findMany({ where });',
    'await transaction.$executeRaw`DELETE FROM teams`;',
  ])('are recognized: %s', (statement) => {
    expect(statement).toMatch(QUERY);
  });
});

describe('what lives as long as its process', () => {
  // Node.js 20 keeps a reference to what AbortSignal.any gives in each of its signals, for as long as
  // that one lives: here, as long as the object, and in many cases the process.
  test('no signal that an object keeps is given to AbortSignal.any, which adds to it each time', () => {
    const adding = sources('src').filter((file) =>
      /AbortSignal\.any\(\[[^\]]*\bthis\.[\w.]+\s*[,\]]/.test(text(file)),
    );
    expect(adding).toStrictEqual([]);
  });
});

describe('adapters are pure', () => {
  test.each(adapterFiles.filter(({ file }) => !file.endsWith('.gen.ts')))(
    '$file reads no clock, no environment and no randomness',
    ({ file }) => {
      expect(text(file)).not.toMatch(
        /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bfetch\(|\bconsole\./,
      );
    },
  );
});

describe('the environment', () => {
  const gateway = sources('src').filter((file) => file.endsWith('.ts'));

  test('is read by what starts alone: main.ts hands it to config.ts, the command line to its context', () => {
    const reading = gateway.filter((file) =>
      /\bprocess(\.|\?\.|\[')env\b|\benv\b[^;]*from '(node:)?process'|\{[^}]*\benv\b[^}]*\} = process\b/.test(
        text(file),
      ),
    );
    expect(reading.sort()).toStrictEqual(['src/cli/main.ts', 'src/main.ts']);
    expect(text('src/cli/main.ts').match(/process\.env/g)).toHaveLength(1);
    expect(text('src/main.ts').match(/process\.env/g)).toHaveLength(1);
    expect(text('src/main.ts')).toMatch(/readConfig\(\s*process\.env,/);
  });

  test('cannot arm crash points: nothing but a test does', () => {
    const arming = sources('src', 'adapters', 'sandbox', 'bench').filter((file) =>
      text(file).includes('armCrashPoints'),
    );
    expect(arming).toStrictEqual(['src/lib/crash-point.ts']);
  });
});

describe('tests and benches', () => {
  /** What ends by itself, for the reason given. */
  const LOOPS: Readonly<Record<string, string>> = {
    'test/support/wait.ts': 'the one that waits, bounded by a timer',
    'test/support/raw-json.ts': 'reads a text to its end',
    'test/support/stream.ts': 'reads until the stream ends',
    'test/support/refresh-child.ts': 'lists until it is killed',
    'test/workflows/events/load.ts': 'makes load until the test has had enough',
    'test/operations/feed-readers.ts': 'writes and reads until the test has had enough',
    'test/operations/rolling-restart.test.ts': 'makes load until the test has had enough',
    'test/operations/trial.test.ts': 'asks and writes until it is answered, or the trial ends',
    'test/api/overload.test.ts': 'keeps the event loop busy for milliseconds',
    'test/abuse/attacks.test.ts': 'attacks until the victim is done',
    'bench/closed-loop.ts': 'asks for the seconds of a round',
  };

  test('wait with waitFor, which is bounded and says for what: no loop has an open end', () => {
    const open = sources('test', 'bench').filter((file) =>
      /\bwhile \(|\bfor \([^;]*; *;/.test(text(file)),
    );
    expect(open.sort()).toStrictEqual(Object.keys(LOOPS).sort());
  });

  // What a test waits for has a bound that says what it was; a whole test has Jest's alone.
  test('no test has a limit of its own, which a busy machine would pass', () => {
    const limited = sources('test').filter((file) =>
      /\bjest\.setTimeout\(|^ *\}, \d[\d_]{3,}\);$/m.test(text(file)),
    );
    expect(limited).toStrictEqual([]);
  });
});

describe('files', () => {
  test('.env.example lists every variable that the gateway reads, once, and no other; of providers it may show some', () => {
    const listed = [...text('.env.example').matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(
      ([, name = '']) => name,
    );
    const own = variableNames([]);
    const ofProviders = listed.filter((name) => !own.includes(name));
    expect(listed.filter((name) => own.includes(name)).sort()).toStrictEqual(own.sort());
    expect(new Set(ofProviders).size).toBe(ofProviders.length);
    const known = adapters.map((adapter) => ({
      id: adapter.id,
      credentials: credentialFields(adapter.credentials ?? API_KEY_CREDENTIALS),
    }));
    expect(variableNames(known)).toEqual(expect.arrayContaining(ofProviders));
  });

  test('generated files are in step with their sources', () => {
    const check = spawnSync(
      process.execPath,
      [join(checkout, 'src/setup/generate.mjs'), '--check'],
      {
        encoding: 'utf8',
      },
    );
    expect(check.stderr).toBe('');
    expect(check.status).toBe(0);
  });

  test.each(adapterIds)('adapters/%s declares that id, under that name', (id) => {
    expect(text(`adapters/${id}/index.ts`)).toContain(
      `export const ${id} = defineAdapter({\n  id: '${id}',`,
    );
  });

  test(`no function takes more than ${MAX_PARAMETERS} parameters, and no array is taken apart with several holes`, () => {
    const found: string[] = [];
    for (const file of sources('src', 'adapters')) {
      const source = ts.createSourceFile(file, text(file), ts.ScriptTarget.Latest, true);
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && node.parameters.length > MAX_PARAMETERS)
          found.push(`${file}: ${node.getText().split('\n')[0]}`);
        if (
          ts.isArrayBindingPattern(node) &&
          node.elements.filter(ts.isOmittedExpression).length > 1
        )
          found.push(`${file}: ${node.getText()}`);
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(found).toStrictEqual([]);
  });

  test(`no file is over ${MAX_LINES} lines`, () => {
    const written = sources('src', 'adapters', 'sandbox', 'bench', 'test', 'web').filter(
      (file) => !file.endsWith('.gen.ts') && !(file in LONG_FILES),
    );
    const long = written
      .map((file) => ({ file, lines: text(file).split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toStrictEqual([]);
  });

  test.each(adapterIds)(
    `adapters/%s: index, schema and map have under ${MAX_ADAPTER_LINES} lines together`,
    (id) => {
      const lines = ['index', 'schema', 'map'].map(
        (name) => text(`adapters/${id}/${name}.ts`).split('\n').length,
      );
      expect(lines.reduce((sum, count) => sum + count)).toBeLessThan(MAX_ADAPTER_LINES);
    },
  );
});
