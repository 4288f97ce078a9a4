/**
 * Dates and times of ISO 8601 in extended, basic and mixed form: calendar, week and ordinal dates;
 * a fraction on the last unit given; a space or lower case in place of `T` and `Z`. Taken too: `UTC`
 * and `GMT` as the zone, and the suffixes of RFC 9557 (`[Europe/Paris]`).
 */
const ISO_8601 = new RegExp(
  [
    String.raw`^\+?0{0,2}(?<year>\d{4})`,
    String.raw`(?:-?(?<month>\d{2})-?(?<day>\d{2})|-?W(?<week>\d{2})-?(?<weekday>[1-7])`,
    String.raw`|-?(?<ordinal>\d{3}))`,
    String.raw`(?:T|\s+)(?<hour>\d{2})(?::?(?<minute>\d{2})(?::?(?<second>\d{2}))?)?`,
    String.raw`(?:[.,](?<fraction>\d+))?`,
    String.raw`(?:\s*(?:(?<utc>Z|UTC|GMT)|(?<sign>[+\-\u2212])(?<offsetHour>\d{2})`,
    String.raw`(?::?(?<offsetMinute>\d{2}))?)(?:\[[^\]]*\])*)?$`,
  ].join(''),
  'iu',
);
const MAX_LENGTH = 100;
/** MySQL's date for "none"; it names no day. */
const ZERO_DATE = /^0000-?00-?00/;

const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1_000, 60_000, 3_600_000, 86_400_000];
const YEAR_2 = startOfDay(2, 1, 1) ?? 0;
const LAST_DAY = Date.UTC(9999, 11, 31);

type Parts = Readonly<Partial<Record<string, string>>>;

/** How a provider writes its times. */
export interface InstantOptions {
  /** By the provider's documentation a time without a zone is in UTC; else it is no instant. */
  readonly zoneless?: 'utc';
}

/**
 * Reads a time: RFC 3339 in UTC, its fraction cut to the millisecond. `null` is a time that stands
 * for "never": year 1 or before, 1 January 1970, 31 December 9999. `undefined`: the text names no
 * certain instant (no zone, no such day, no time of day).
 */
export function readInstant(text: string, options: InstantOptions = {}): string | null | undefined {
  const trimmed = text.trim();
  if (ZERO_DATE.test(trimmed)) return null;
  const parts = trimmed.length > MAX_LENGTH ? undefined : ISO_8601.exec(trimmed)?.groups;
  if (parts === undefined) return undefined;
  const [day, timeOfDay, offset] = [dayOf(parts), timeOfDayOf(parts), offsetOf(parts, options)];
  if (day === undefined || timeOfDay === undefined) return undefined;
  const local = day + timeOfDay;
  // `0001-01-01T00:00:00` means never without a zone, too.
  if (standsForNever(local)) return null;
  if (offset === undefined) return undefined;
  const instant = local - offset;
  if (standsForNever(instant)) return null;
  return new Date(instant).toISOString().replace('.000Z', 'Z');
}

/** A provider's time as RFC 3339 in UTC; `null` when it cannot be read. */
export function utc(time: string | null | undefined, options?: InstantOptions): string | null {
  return time == null ? null : (readInstant(time, options) ?? null);
}

function standsForNever(time: number): boolean {
  return time < YEAR_2 || (time >= 0 && time < DAY_MS) || time >= LAST_DAY;
}

/** The start of the day in milliseconds since 1970; `undefined`: there is no such day. */
function dayOf({ year, month, day, week, weekday, ordinal }: Parts): number | undefined {
  if (ordinal !== undefined) return dayOfYear(Number(year), Number(ordinal));
  if (week !== undefined) return dayOfWeek(Number(year), Number(week), Number(weekday));
  return startOfDay(Number(year), Number(month), Number(day));
}

function startOfDay(year: number, month: number, day: number): number | undefined {
  // `Date.UTC` takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

function dayOfYear(year: number, ordinal: number): number | undefined {
  const day = (startOfDay(year, 1, 1) ?? Number.NaN) + (ordinal - 1) * DAY_MS;
  return new Date(day).getUTCFullYear() === year ? day : undefined;
}

/** Week 1 is the one that holds 4 January; a year's last week holds 28 December. */
function dayOfWeek(year: number, week: number, weekday: number): number | undefined {
  const mondayOf = (day: number) => day - ((new Date(day).getUTCDay() + 6) % 7) * DAY_MS;
  const first = mondayOf(startOfDay(year, 1, 4) ?? Number.NaN);
  const last = mondayOf(startOfDay(year, 12, 28) ?? Number.NaN);
  const monday = first + (week - 1) * 7 * DAY_MS;
  return week >= 1 && monday <= last ? monday + (weekday - 1) * DAY_MS : undefined;
}

/** Milliseconds since midnight; 24:00 is the end of the day, a 60th second the start of the next. */
function timeOfDayOf({ hour, minute, second, fraction }: Parts): number | undefined {
  const [hours, minutes, seconds] = [Number(hour), Number(minute ?? 0), Number(second ?? 0)];
  const unit = second !== undefined ? SECOND_MS : minute !== undefined ? MINUTE_MS : HOUR_MS;
  const rest = Number(
    (BigInt(fraction ?? 0) * BigInt(unit)) / 10n ** BigInt(fraction?.length ?? 0),
  );
  const time = hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + rest;
  const isLeapSecond = seconds === 60 && minutes === 59;
  if (minutes > 59 || (seconds > 59 && !isLeapSecond)) return undefined;
  return hours < 24 || time === DAY_MS ? time : undefined;
}

/** How far the clock that was read is ahead of UTC, in milliseconds; `undefined`: no zone is told. */
function offsetOf(parts: Parts, { zoneless }: InstantOptions): number | undefined {
  const { utc, sign, offsetHour, offsetMinute } = parts;
  if (sign === undefined) return utc !== undefined || zoneless === 'utc' ? 0 : undefined;
  const [hours, minutes] = [Number(offsetHour), Number(offsetMinute ?? 0)];
  if (hours > 23 || minutes > 59) return undefined;
  return (sign === '+' ? 1 : -1) * (hours * HOUR_MS + minutes * MINUTE_MS);
}
