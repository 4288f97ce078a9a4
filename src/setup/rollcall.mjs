#!/usr/bin/env node
/** `npx rollcall`: the command line as it is built; where nothing is built yet it is built first. */
import { existsSync } from 'node:fs';

const bundle = new URL('../../dist/bundle/rollcall.js', import.meta.url);
if (!existsSync(bundle)) await (await import('./prepare.mjs')).prepare();
await import(bundle);
