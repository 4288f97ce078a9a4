import type { WriteStream } from 'node:tty';

/** The variables that a command reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is known of where a command writes to. */
export interface Terminal {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly hasColour: boolean;
}

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** What the output is written to: its width, and whether it shows colour. */
export function terminalOf(
  stream: Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>,
  environment: Environment,
): Terminal {
  const isTerminal = stream.isTTY === true;
  return {
    isTerminal,
    columns: stream.columns || DEFAULT_COLUMNS,
    rows: stream.rows || DEFAULT_ROWS,
    hasColour: hasColour(isTerminal, environment),
  };
}

/** As `no-color.org` and `bixense.com/clicolors` have it. */
function hasColour(isTerminal: boolean, environment: Environment): boolean {
  const { NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM } = environment;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (CLICOLOR_FORCE !== undefined && CLICOLOR_FORCE !== '' && CLICOLOR_FORCE !== '0') return true;
  return isTerminal && CLICOLOR !== '0' && TERM !== 'dumb';
}

const STYLES = { bold: 1, faint: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof STYLES;

/** Text in a style, where the terminal shows colour. */
export function styled(text: string, style: Style | undefined, { hasColour }: Terminal): string {
  return hasColour && style !== undefined ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}

const GOOD = ['healthy', 'active', 'succeeded', 'operational'];
const UNSURE = [
  ...['warning', 'paused', 'partial', 'running', 'queued', 'scheduled', 'awaiting_approval'],
  ...['degraded', 'held', 'disconnecting', 'setup', 'unknown', 'pending'],
];
const BAD = [
  ...['unhealthy', 'failed', 'suspended', 'reconnect_required', 'unavailable', 'down'],
  ...['credential_rejected', 'token_invalid'],
];
const STYLE_OF: ReadonlyMap<string, Style> = new Map([
  ...GOOD.map((word) => [word, 'green'] as const),
  ...UNSURE.map((word) => [word, 'yellow'] as const),
  ...BAD.map((word) => [word, 'red'] as const),
]);

/** The style of a state by its name. */
export const styleOf = (word: string): Style | undefined => STYLE_OF.get(word);
