import { Icon, type IconName } from './Icon';

export type Tone = 'ok' | 'warn' | 'bad' | 'unknown' | 'plain' | 'accent';

/** `token_invalid` as people read it. */
export const words = (name: string): string => {
  const text = name.replaceAll('_', ' ').replaceAll('.', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};

const HEALTH: Readonly<Record<string, Tone>> = {
  healthy: 'ok',
  warning: 'warn',
  unhealthy: 'bad',
  unknown: 'unknown',
};

/** A health verdict: never by colour alone, and unknown is hatched. */
export function Health({
  status,
  reason = null,
}: {
  readonly status: string;
  readonly reason?: string | null;
}) {
  const icon = (status in HEALTH ? status : 'unknown') as IconName;
  return (
    <span className={`health tone-${HEALTH[status] ?? 'unknown'}`}>
      <span className="health-mark">
        <Icon name={icon} />
      </span>
      <span className="health-text">
        <span>{words(status)}</span>
        {reason !== null && <span className="quiet small truncate">{words(reason)}</span>}
      </span>
    </span>
  );
}

const STATES: Readonly<Record<string, Tone>> = {
  active: 'ok',
  succeeded: 'ok',
  operational: 'ok',
  enabled: 'ok',
  closed: 'plain',
  setup: 'accent',
  running: 'accent',
  queued: 'accent',
  scheduled: 'accent',
  pending: 'accent',
  disconnecting: 'accent',
  paused: 'warn',
  partial: 'warn',
  held: 'warn',
  degraded: 'warn',
  warning: 'warn',
  awaiting_approval: 'warn',
  reconnect_required: 'bad',
  suspended: 'bad',
  unavailable: 'bad',
  failed: 'bad',
  down: 'bad',
  credential_rejected: 'bad',
  disabled: 'bad',
  critical: 'bad',
};

/** A state as a badge with its word. */
export function Status({ state, tone }: { readonly state: string; readonly tone?: Tone }) {
  return <span className={`badge tone-${tone ?? STATES[state] ?? 'plain'}`}>{words(state)}</span>;
}

/** A fact that may be unknown: yes, no, or not told. */
export function Fact({
  value,
  yes,
  no,
  bad,
}: {
  readonly value: boolean | null;
  readonly yes: string;
  readonly no: string;
  /** Which of the two a person should look at twice; left out, neither. */
  readonly bad?: boolean;
}) {
  if (value === null) return <span className="badge tone-unknown hatched">Not told</span>;
  return (
    <span className={`badge tone-${value === bad ? 'bad' : 'plain'}`}>{value ? yes : no}</span>
  );
}

const number = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** A number, or that it is not known. */
export function Count({
  value,
  compact = false,
  unit = '',
}: {
  readonly value: number | null | undefined;
  readonly compact?: boolean;
  readonly unit?: string;
}) {
  if (value === null || value === undefined)
    return (
      <span className="quiet" title="The provider does not say">
        –<span className="sr-only">not reported</span>
      </span>
    );
  return (
    <span className="number" title={number.format(value)}>
      {(compact ? short : number).format(value)}
      {unit}
    </span>
  );
}

/** Initials on a tint of their own: pictures of others would tell them who looks. */
export function Avatar({ name }: { readonly name: string }) {
  const letters =
    name
      .replace(/[^\p{L}\p{N}]/gu, '')
      .slice(0, 2)
      .toUpperCase() || '?';
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 8;
  return (
    <span className={`avatar hue-${hash}`} aria-hidden="true">
      {letters}
    </span>
  );
}

/** Shares of a whole as one bar, each with its words. */
export function Bar({
  parts,
  label,
}: {
  readonly parts: readonly { readonly tone: Tone; readonly name: string; readonly count: number }[];
  readonly label: string;
}) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const told = parts.map(({ name, count }) => `${number.format(count)} ${name}`).join(', ');
  return (
    <span className="bar" role="img" aria-label={`${label}: ${told}`}>
      {parts.map(
        ({ tone, name, count }) =>
          count > 0 && (
            <span
              key={name}
              className={`bar-part fill-${tone}`}
              style={{ flexGrow: count / total }}
              title={`${number.format(count)} ${name}`}
            />
          ),
      )}
    </span>
  );
}
