import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Identity } from '../../src/accounts/index.js';
import type { Clock } from '../../src/lib/clock.js';
import { UNKNOWN_PLATFORM } from '../../src/model/index.js';
import { membersOf } from '../support/raw-json.js';
import { falseAnswer } from './false-answers.js';
import { FAULTS, idOf, type ProviderName } from './provider-formats.js';
import type { Answer, Received, ScriptedProvider } from './scripted-provider.js';
import { mergedText } from './settings-changes.js';

/** How the exchanges of one act are answered. */
export interface ExchangePlan {
  /** Every answer is a function of it and of the request. */
  readonly seed: number;
  /** Of 10 answers, how many are true. */
  readonly honesty: number;
  /** Whether no whole list leaves an account out; or else no other answer does. */
  readonly isListTrue: boolean;
}

/** What may be written, and to whom. */
interface Errand {
  readonly id: string;
  /** Who the account was when it was asked for. */
  readonly meant: Identity;
  /** The settings that the caller names; without, an account may be paused and resumed. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** At most this many answers to the same question are false; after that all are true. */
const MAX_FALSE_ANSWERS = 3;

/** Settings that are hard to keep, where a provider has any. */
const SETTINGS: Partial<Record<ProviderName, string>> = {
  outfame:
    '"targeting_config":{"hashtags":["a"],"n":17841400123456789,"secret_key":"k","f":1.0},"daily_limits":{"likes":9,"follows":2.50,"api_token":"t"}',
  creatoraudit:
    '"category":"food","metadata":{"ig":17841400123456789,"owner_token":"blue","f":1.0,"e":"\\u00e9"}',
};

/**
 * A provider with a true state that gives false answers. Every claim about it is compared with the
 * true state; what is written to it, against what was asked.
 */
export class FaultyProvider {
  /** What was said or done that is not so, with the exchanges that led to it. */
  readonly wrong: string[] = [];
  /** How often each false answer was given. */
  readonly told = new Map<string, number>();
  /** What was written: so often each method. */
  readonly written = new Map<string, number>();
  private exchangePlan: ExchangePlan = { seed: 0, honesty: 10, isListTrue: true };
  private errand: Errand | undefined;
  private isOut = false;
  /** How often each question was asked in this act. */
  private readonly turns = new Map<string, number>();
  private exchanges: string[] = [];
  /** Deletes that were answered and perhaps not done. */
  private readonly promised = new Set<string>();
  /** What was last told of an account by itself. */
  private readonly lastTold = new Map<string, string>();
  /** How many names somebody else has had. */
  private taken = 0;

  constructor(
    readonly provider: ScriptedProvider,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    provider.when('any', (request, usual) => this.answer(request, usual));
  }

  private get name(): ProviderName {
    return this.provider.name;
  }

  idOf(number: number): string {
    return idOf(this.name, number);
  }

  /** Whether it truly holds the account. */
  holds(id: string): boolean {
    return this.provider.held.has(id);
  }

  put(id: string): void {
    this.provider.put(id, {}, SETTINGS[this.name] ?? '');
  }

  remove(id: string): void {
    this.provider.held.delete(id);
  }

  /** Gives an account's id to somebody else, or has the same one connect it again. */
  reassign(id: string): void {
    const item = this.provider.held.get(id)?.item;
    if (item === undefined) return;
    this.taken += 1;
    const name = `other_${this.taken}`;
    const before = JSON.parse(item).platform;
    const platform = this.taken % 2 === 0 ? before : before === 'tiktok' ? 'instagram' : 'tiktok';
    const connectedAt = this.clock.now().toISOString();
    const parts = {
      outfame: { platform, instagram_username: name },
      creatoraudit: { platform, username: name },
      octopost: { platform, username: name, platform_user_id: `99${this.taken}` },
      socialsyncer: { connectedAt },
    };
    this.provider.put(id, parts[this.name]);
  }

  /**
   * From now on it answers as `exchangePlan` says, or is out completely: every route answers 404.
   */
  begin(exchangePlan: ExchangePlan, { isOut = false } = {}): void {
    this.exchangePlan = exchangePlan;
    this.isOut = isOut;
    this.turns.clear();
    this.promised.clear();
    this.exchanges = [];
  }

  /** It tells the truth again. */
  end(): void {
    this.begin({ seed: 0, honesty: 10, isListTrue: true });
  }

  /** Lets nothing be written while `work` runs but what `errand` says. */
  async during<Result>(errand: Errand, work: () => Promise<Result>): Promise<Result> {
    this.errand = errand;
    try {
      return await work();
    } finally {
      this.errand = undefined;
    }
  }

  /** Whether an account that it holds is, in all that is known, who was meant. */
  private isStill(id: string, meant: Identity): boolean {
    const item = this.provider.held.get(id)?.item;
    if (item === undefined) return false;
    const { platform, platform_user_id, username, instagram_username, connectedAt } =
      JSON.parse(item);
    const isSame = (known: string | null, now: unknown) =>
      known === null || known === UNKNOWN_PLATFORM || known === now;
    switch (this.name) {
      case 'socialsyncer':
        // A health report does not tell it: where the list is false, it may be all that there is.
        return (
          !this.exchangePlan.isListTrue ||
          meant.connected_at === null ||
          !isLater(connectedAt, meant.connected_at)
        );
      case 'octopost':
        return isSame(meant.platform_user_id, platform_user_id) && isSame(meant.platform, platform);
      default:
        return (
          isSame(meant.username, username ?? instagram_username) && isSame(meant.platform, platform)
        );
    }
  }

  /** Notes something that is not so. */
  accuse(what: string): void {
    this.wrong.push([`${this.name}: ${what}, after`, ...this.exchanges].join('\n  '));
  }

  private answer(request: Received, usual: () => Answer): Answer {
    if (request.method !== 'GET') this.judgeWrite(request);
    const { name, answer } = this.reply(request, usual);
    this.told.set(name, (this.told.get(name) ?? 0) + 1);
    const { status = 200, raw, body } = answer;
    const text = typeof raw === 'string' ? raw : JSON.stringify(raw ?? body);
    this.exchanges.push(
      `${request.method} ${request.path}?${request.query} ${request.body} → ${name}: ${status} ${text}`.slice(
        0,
        600,
      ),
    );
    if (request.method === 'GET') this.remember(request, answer);
    return answer;
  }

  private reply(
    request: Received,
    usual: () => Answer,
  ): { readonly name: string; readonly answer: Answer } {
    if (this.isOut) return { name: 'an outage', answer: FAULTS[this.name] };
    const { exchangePlan, provider } = this;
    const question = `${request.method} ${request.path}?${request.query}`;
    const turn = (this.turns.get(question) ?? 0) + 1;
    this.turns.set(question, turn);
    const dice = createHash('sha1').update(`${exchangePlan.seed} ${question} ${turn}`).digest();
    const isFinal = turn > MAX_FALSE_ANSWERS;
    // What it said it had done it does in the end.
    if (isFinal) for (const id of this.promised) this.remove(id);
    const isHealth = request.path === '/accounts/health';
    if (
      isFinal ||
      dice.readUInt8(0) % 10 < exchangePlan.honesty ||
      (isHealth && !exchangePlan.isListTrue)
    )
      return { name: 'the truth', answer: usual() };
    if (request.method === 'DELETE' && this.errand) this.promised.add(this.errand.id);
    const { isListTrue } = exchangePlan;
    const asked = { provider, request, usual, pick: dice.readUInt16BE(1), isListTrue };
    return falseAnswer(asked, dice.readUInt16BE(3));
  }

  /** Keeps what was told of an account that was asked for by itself. */
  private remember({ path }: Received, { raw, status = 200 }: Answer): void {
    const id = decodeURIComponent(/^\/accounts\/([^/]+)$/.exec(path)?.[1] ?? '');
    if (id === '' || status !== 200 || raw === undefined) return;
    const text = typeof raw === 'string' ? raw : gunzipSync(raw).toString('utf8');
    if (isJson(text)) this.lastTold.set(id, membersOf(text).get('data') ?? text);
  }

  private judgeWrite({ method, path, body }: Received): void {
    const { errand } = this;
    this.written.set(method, (this.written.get(method) ?? 0) + 1);
    const id = path.startsWith('/engagement')
      ? JSON.parse(body).account_id
      : decodeURIComponent(path.slice('/accounts/'.length));
    if (errand === undefined || errand.id !== id)
      this.accuse(`${method} ${path} ${body}, and ${errand?.id} was asked for`);
    else if (this.holds(id) && !this.isStill(id, errand.meant))
      this.accuse(
        `${method} ${path} ${body} reaches ${this.provider.held.get(id)?.item}, and ${JSON.stringify(errand.meant)} was meant`,
      );
    if (method !== 'PATCH') return;
    if (errand?.settings) this.judgeSettings(id, body, errand.settings);
    else if (!/^\{"is_active":(true|false)\}$/.test(body)) this.accuse(`PATCH ${id}: ${body}`);
  }

  /** Each member is as it was told, but for what the caller names in it. */
  private judgeSettings(id: string, body: string, settings: Readonly<Record<string, unknown>>) {
    const told = membersOf(this.lastTold.get(id) ?? '{}');
    for (const [name, sent] of membersOf(body)) {
      const right = Object.hasOwn(settings, name)
        ? mergedText(told.get(name), settings[name])
        : told.get(name);
      if (sent !== right) this.accuse(`PATCH ${id}: ${name} is ${sent} and should be ${right}`);
    }
  }
}

/** Times are compared in whole seconds. */
function isLater(time: string, other: string): boolean {
  return Math.floor(Date.parse(time) / 1000) > Math.floor(Date.parse(other) / 1000);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
