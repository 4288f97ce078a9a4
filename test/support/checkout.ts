import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const above = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The checkout's own folder, for what is compiled, too. */
export const checkout = basename(above) === 'dist' ? dirname(above) : above;
