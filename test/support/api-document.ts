import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiDocument } from '../../src/api/openapi/document.js';
import { checkout } from './checkout.js';

/** The OpenAPI document that the build made, as the gateway is given it. */
export const openApi = readFileSync(join(checkout, 'dist', 'openapi.json'), 'utf8');

/** The same, which answers are held to. */
export const apiDocument: ApiDocument = JSON.parse(openApi);
