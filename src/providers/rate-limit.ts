import { type Clock, SteadyTime } from '../lib/clock.js';
import type { AnnouncedLimit } from '../lib/http-headers.js';
import type { Limits } from '../model/index.js';

/** A reset further away than this, and than the declared window, is a broken clock, not a limit. */
const MAX_WINDOW_MS = 3_600_000;

/** So many requests in any `windowMs` milliseconds. */
interface DeclaredRate {
  readonly requests: number;
  readonly windowMs: number;
}

/** The declared limit of one connection. */
export function declaredRate({ requests, perSeconds }: Limits): DeclaredRate {
  return { requests, windowMs: perSeconds * 1000 };
}

/**
 * The requests in a minute that one purpose may take of a limit: `share` of it, and `atLeast` where
 * the whole minute has as many. 1 at least.
 */
export function minuteShare(limits: Limits, share: number, atLeast: number): number {
  const perMinute = (limits.requests / limits.perSeconds) * 60;
  return Math.max(1, Math.floor(perMinute * share), Math.floor(Math.min(atLeast, perMinute)));
}

/**
 * What we may still ask of a provider with one key. Times in ms since 1970. Until the provider
 * announces a window of its own, a token bucket holds to the declared rate.
 */
interface OutboundRateState {
  readonly declared: DeclaredRate;
  readonly bucket: {
    readonly tokens: number;
    readonly filledAt: number;
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
 * A tenth of the window's requests may go at once, the rest evenly, so that no window whatsoever
 * sees more than `requests`.
 */
const burst = ({ requests }: DeclaredRate) => Math.max(1, requests / 10);
const tokensPerMs = (rate: DeclaredRate) =>
  (rate.requests - burst(rate) || rate.requests) / rate.windowMs;

/** The token bucket of a rate: milliseconds for each request, and how many may go at once. */
export function bucketOf(rate: DeclaredRate): {
  readonly requestMs: number;
  readonly burst: number;
} {
  return { requestMs: 1 / tokensPerMs(rate), burst: burst(rate) };
}

/**
 * The state of a limit of which nothing is used.
 * @param now milliseconds since 1970
 */
export function initialRate(declared: DeclaredRate, now: number): OutboundRateState {
  return {
    declared,
    bucket: { tokens: burst(declared), filledAt: now },
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
  const { declared, bucket } = state;
  const refilled = bucket.tokens + (now - bucket.filledAt) * tokensPerMs(declared);
  const tokens = Math.min(burst(declared), refilled);
  if (tokens < 1) return { state, waitMs: Math.ceil((1 - tokens) / tokensPerMs(declared)) };
  return { state: { ...state, bucket: { tokens: tokens - 1, filledAt: now } }, waitMs: 0 };
}

function takeFromWindow(
  state: OutboundRateState,
  window: NonNullable<OutboundRateState['window']>,
  now: number,
): { readonly state: OutboundRateState; readonly waitMs: number } {
  const current =
    now < window.resetAt
      ? window
      : { limit: window.limit, remaining: window.limit, resetAt: now + state.declared.windowMs };
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
  const { requests, windowMs } = state.declared;
  const announcedReset = announced.resetAt ?? now + windowMs;
  const latest = now + Math.max(MAX_WINDOW_MS, windowMs);
  const resetAt = announcedReset > latest ? now + windowMs : Math.max(announcedReset, now + 1_000);
  const known = state.window;
  const limit = announced.limit ?? known?.limit ?? requests;
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

  constructor(declared: DeclaredRate, clock: Clock) {
    this.time = new SteadyTime(clock);
    this.state = initialRate(declared, this.time.now());
  }

  /** Milliseconds to wait before the next try; 0: the right to send one request is taken. */
  take(): number {
    const taken = take(this.state, this.time.now());
    this.state = taken.state;
    return taken.waitMs;
  }

  /** Whether the provider reports what is left of its limit, the same to all replicas. */
  get isAnnounced(): boolean {
    return this.state.window !== null;
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
