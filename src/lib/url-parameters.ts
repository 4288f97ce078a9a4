/** `user:password@` before a host. */
const USER_INFORMATION = /(\/\/)[^\s/?#"'<>\\]*@/g;
/** A query, a fragment or the parameters of a path segment, wherever in a text an address stands. */
const PARAMETERS = /[?#;][^\s"'<>\\?#;]*/g;
/** An address may carry another as a value, and that one again. */
const MAX_NESTING = 3;

const SECRET_PARAMETER = new RegExp(
  [
    'authorization|bearer|credential|passw|secret|session|signature|token',
    '(?:^|[_-])(?:auth|hmac|jwt|key|pass|pwd|sas|sig|sign)$',
    '(?:access|api|app|auth|client|private|shared|subscription)[_-]?key',
    '^x-(?:amz|cos|goog|ms|obs|oss|tos)-',
  ].join('|'),
  'i',
);
/** What changes from look to look though the picture is the same: expiry, cache and request marks. */
const VOLATILE_PARAMETER =
  /^(?:_|_nc_.+|cache.*|cb|ccb|e|edm|efg|exp.*|key-pair-id|nonce|oe|oh|policy|rand(?:om)?|se|st|time.*|ts|x-expires)$/i;
const UNIX_TIME = /^1\d{9}(?:\d{3})?$/;
/** As long as a signature: 32 hexadecimal digits are the shortest in use. */
const OPAQUE = /^(?=.*\d)(?=.*[a-z])[\w%+/=~.-]{32,}$/i;

/**
 * The text without the secrets of the addresses in it: what names a user before the host, and
 * parameters named like a key, a token or a signature. All else stays byte for byte.
 */
export function withoutUrlSecrets(text: string): string {
  if (!text.includes('=') && !text.includes('@')) return text;
  return withoutParameters(text, (name) => SECRET_PARAMETER.test(name));
}

/**
 * The text with the addresses in it as they stay from look to look: signatures, expiry times and
 * marks of the request are left out. For comparisons, not for use.
 */
export function stableUrls(text: string): string {
  if (!text.includes('=')) return text;
  return withoutParameters(
    text,
    (name, value) =>
      SECRET_PARAMETER.test(name) ||
      VOLATILE_PARAMETER.test(name) ||
      UNIX_TIME.test(value) ||
      OPAQUE.test(value),
  );
}

type Drops = (name: string, value: string) => boolean;

function withoutParameters(text: string, drops: Drops, nesting = 0): string {
  return text.replace(USER_INFORMATION, '$1').replace(PARAMETERS, (run) => {
    if (!run.includes('=')) return run;
    const given = run.slice(1).split('&');
    const kept = given.flatMap((parameter) => keptParameter(parameter, drops, nesting));
    if (kept.length === 0) return '';
    return `${run[0]}${kept.join('&')}`;
  });
}

function keptParameter(parameter: string, drops: Drops, nesting: number): string[] {
  const [name = '', ...rest] = parameter.split('=');
  if (rest.length === 0) return [parameter];
  const value = rest.join('=');
  if (drops(decoded(name), decoded(value))) return [];
  const inner = decoded(value);
  if (nesting === MAX_NESTING || !/[?#@]/.test(inner)) return [parameter];
  const clean = withoutParameters(inner, drops, nesting + 1);
  return [clean === inner ? parameter : `${name}=${encodeURIComponent(clean)}`];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
