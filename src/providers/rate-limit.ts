import { type Clock, SteadyTime } from '../lib/clock.js';
import type { AnnouncedLimit } from '../lib/http-headers.js';

/**
 * A limit without a documented length is taken as one per minute: all four providers count per
 * minute or do not say.
 */
const WINDOW_MS = 60_000;
/** A reset further away than this is a broken clock, not a limit. */
const MAX_WINDOW_MS = 3_600_000;

/**
 * What we may still ask of a provider with one key. Times in ms since 1970. Until the provider
 * announces a window of its own, a token bucket holds to the declared number of requests per
 * minute.
 */
export interface OutboundRateState {
  readonly bucket: {
    readonly tokens: number;
    readonly filledAt: number;
    readonly perMinute: number;
  };
  readonly window: {
    readonly limit: number;
    readonly remaining: number;
    readonly resetAt: number;
  } | null;
  /** Nothing is sent before: the provider's `Retry-After`. */
  readonly blockedUntil: number;
}

/**
 * A tenth of the minute may go at once, the rest evenly, so that no minute whatsoever sees more
 * than `perMinute` requests.
 */
const burst = (perMinute: number) => Math.max(1, perMinute / 10);
const tokensPerMs = (perMinute: number) => (perMinute - burst(perMinute) || perMinute) / WINDOW_MS;

export function initialRate(perMinute: number, now: number): OutboundRateState {
  return {
    bucket: { tokens: burst(perMinute), filledAt: now, perMinute },
    window: null,
    blockedUntil: 0,
  };
}

/** Takes the right to send one request, or returns the milliseconds until the next try. */
export function take(
  state: OutboundRateState,
  now: number,
): { readonly state: OutboundRateState; readonly waitMs: number } {
  if (state.blockedUntil > now) return { state, waitMs: state.blockedUntil - now };
  return state.window === null
    ? takeFromBucket(state, now)
    : takeFromWindow(state, state.window, now);
}

function takeFromBucket(
  state: OutboundRateState,
  now: number,
): { readonly state: OutboundRateState; readonly waitMs: number } {
  const { perMinute } = state.bucket;
  const refilled = state.bucket.tokens + (now - state.bucket.filledAt) * tokensPerMs(perMinute);
  const tokens = Math.min(burst(perMinute), refilled);
  if (tokens < 1) return { state, waitMs: Math.ceil((1 - tokens) / tokensPerMs(perMinute)) };
  return {
    state: { ...state, bucket: { tokens: tokens - 1, filledAt: now, perMinute } },
    waitMs: 0,
  };
}

function takeFromWindow(
  state: OutboundRateState,
  window: NonNullable<OutboundRateState['window']>,
  now: number,
): { readonly state: OutboundRateState; readonly waitMs: number } {
  const current =
    now < window.resetAt
      ? window
      : { limit: window.limit, remaining: window.limit, resetAt: now + WINDOW_MS };
  if (current.remaining < 1) return { state, waitMs: current.resetAt - now };
  return {
    state: { ...state, window: { ...current, remaining: current.remaining - 1 } },
    waitMs: 0,
  };
}

/** Applies the limit that a response announced. */
export function learn(
  state: OutboundRateState,
  announced: AnnouncedLimit,
  now: number,
): OutboundRateState {
  const announcedReset = announced.resetAt ?? now + WINDOW_MS;
  const latest = now + MAX_WINDOW_MS;
  const resetAt = announcedReset > latest ? now + WINDOW_MS : Math.max(announcedReset, now + 1_000);
  const known = state.window;
  const limit = announced.limit ?? known?.limit ?? state.bucket.perMinute;
  // Answers overtake each other: within one window the lower count is the later one. A clock second
  // apart is still one window.
  const sameWindow =
    known !== null &&
    now < known.resetAt &&
    Math.abs(known.resetAt - resetAt) <= 1_000 &&
    known.limit === limit;
  const remaining = sameWindow
    ? Math.min(known.remaining, announced.remaining)
    : announced.remaining;
  return { ...state, window: { limit, remaining, resetAt } };
}

/** The provider said 429: nothing goes out for `seconds`. */
export function block(state: OutboundRateState, seconds: number, now: number): OutboundRateState {
  return { ...state, blockedUntil: Math.max(state.blockedUntil, now + seconds * 1000) };
}

/** The limit of one key, kept; a clock that is set back stops nothing. */
export class OutboundRateLimiter {
  private readonly time: SteadyTime;
  private state: OutboundRateState;

  constructor(perMinute: number, clock: Clock) {
    this.time = new SteadyTime(clock);
    this.state = initialRate(perMinute, this.time.now());
  }

  /** Milliseconds to wait before the next try; 0: the right to send one request is taken. */
  take(): number {
    const taken = take(this.state, this.time.now());
    this.state = taken.state;
    return taken.waitMs;
  }

  learn(announced: AnnouncedLimit | null): void {
    if (announced === null) return;
    const now = this.time.now();
    const { resetAt } = announced;
    const inSteadyTime = { ...announced, resetAt: resetAt === null ? null : this.time.of(resetAt) };
    this.state = learn(this.state, inSteadyTime, now);
  }

  block(seconds: number): void {
    this.state = block(this.state, seconds, this.time.now());
  }
}
