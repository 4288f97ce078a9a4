import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { DatabaseConnection } from '../database/index.js';

/** TypeScript knows it from the browser's library alone. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  Instance: new (module: object, imports: object) => { exports: { __wbindgen_start(): void } };
};

/** Once only: the bindings keep the instance's memory in variables of their own. */
const { SchemaEngine } = await loadEngine();

/**
 * Writes the SQL that takes a database from one Prisma schema to another, with Prisma's own engine
 * as WebAssembly, so that nothing is downloaded.
 *
 * @param connection any PostgreSQL: the engine wants to know its version and changes nothing
 * @param from absent for an empty database
 * @returns SQL, empty when the two are alike
 */
export async function writeScript(
  connection: DatabaseConnection,
  from: string | undefined,
  to: string,
): Promise<string> {
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(connection));
  const engine = await SchemaEngine.new(
    { datamodels: [['schema.prisma', to]] },
    () => undefined,
    adapter,
  );
  const { exitCode, stdout } = await engine.diff({
    from: from === undefined ? { tag: 'empty' } : { tag: 'schemaDatamodel', ...asFiles(from) },
    to: { tag: 'schemaDatamodel', ...asFiles(to) },
    script: true,
    exitCode: true,
    filters: { externalTables: [], externalEnums: [] },
  });
  const isAlike = exitCode === 0;
  return isAlike ? '' : (stdout ?? '');
}

function asFiles(content: string) {
  return { files: [{ path: 'schema.prisma', content }] };
}

/**
 * Node 20 does not import WebAssembly by itself, so this does what the package's entry leaves to a
 * bundler.
 */
async function loadEngine(): Promise<typeof engineBindings> {
  const path = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm')
    .replace('schema_engine.js', 'schema_engine_bg.wasm');
  const module = await WebAssembly.compile(await readFile(path));
  const instance = new WebAssembly.Instance(module, {
    './schema_engine_bg.js': { ...engineBindings },
  });
  engineBindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return engineBindings;
}
