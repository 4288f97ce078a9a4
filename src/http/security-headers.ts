import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

/** Answers are data: a browser that shows one has nothing to load, and no page may frame it. */
const NOTHING_TO_LOAD = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] };

/** What helmet adds to every answer; it adds the same to each. */
export function securityHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name] = value;
    },
    removeHeader: () => undefined,
  };
  const directives = { useDefaults: false, directives: NOTHING_TO_LOAD };
  const add = helmet({ contentSecurityPolicy: directives });
  add({} as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return headers;
}
