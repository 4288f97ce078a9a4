/**
 * The path parameters where the pattern fits the path, else undefined. `{name}` and `*` fit any one
 * segment.
 */
export function matchPath(
  pattern: string,
  segments: readonly string[],
): Record<string, string> | undefined {
  const parts = pattern.split('/').filter((part) => part !== '');
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? '';
    if (part.startsWith('{')) params[part.slice(1, -1)] = segment;
    else if (part !== '*' && part !== segment) return undefined;
  }
  return params;
}

export interface MatchedRoute<Route> {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** The first route for the path and method; where only the method is wrong, `wrong_method`. */
export function findRoute<Route extends { readonly method: string; readonly path: string }>(
  routes: readonly Route[],
  method: string,
  segments: readonly string[],
): MatchedRoute<Route> | 'unknown_path' | 'wrong_method' {
  let isKnownPath = false;
  for (const route of routes) {
    const params = matchPath(route.path, segments);
    if (!params) continue;
    if (route.method === method) return { route, params };
    isKnownPath = true;
  }
  return isKnownPath ? 'wrong_method' : 'unknown_path';
}
