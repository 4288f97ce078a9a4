import type pg from 'pg';
import { Session } from './session.js';

/**
 * How the release before shows that a process lives and holds its locks: one session with the
 * process's name. It runs beside this release in an upgrade, so it must find this one's processes
 * as it looks for them. Behind a pooler there is none; that release does not work there.
 */
export class FormerPresence {
  private session: pg.PoolClient | undefined;
  /** A pooler answers, or the process has ended. */
  private isNeedless = false;
  private asked: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly pool: pg.Pool,
    private readonly name: string,
  ) {}

  /** Opens the session, and has it say something. */
  show(): Promise<void> {
    return this.inTurn(async () => {
      if (this.isNeedless) return;
      if (this.session) {
        await this.session.query('SELECT 1');
        return;
      }
      const session = await this.pool.connect();
      // The process may have ended meanwhile.
      this.isNeedless ||= !(session instanceof Session && session.isDirect);
      if (this.isNeedless) {
        session.release();
        return;
      }
      this.session = session;
      session.once('error', () => this.drop(session));
      try {
        await session.query(`SELECT set_config('application_name', $1, false)`, [this.name]);
      } catch (error) {
        this.drop(session);
        throw error;
      }
    });
  }

  /** @returns `false` when a process of the release before has the lock */
  lock(name: string): Promise<boolean> {
    return this.ask('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held', name);
  }

  /** With a session that broke its locks went too. */
  async unlock(name: string): Promise<void> {
    await this.ask('SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS held', name).catch(
      () => undefined,
    );
  }

  end(): void {
    this.isNeedless = true;
    if (this.session) this.drop(this.session);
  }

  private ask(question: string, name: string): Promise<boolean> {
    return this.inTurn(async () => {
      if (this.session === undefined) return true;
      const { rows } = await this.session.query<{ held: boolean }>(question, [name]);
      return rows[0]?.held ?? false;
    });
  }

  /** One question after the other, as a session takes them. */
  private inTurn<Result>(ask: () => Promise<Result>): Promise<Result> {
    const answer = this.asked.then(ask);
    this.asked = answer.catch(() => undefined);
    return answer;
  }

  private drop(session: pg.PoolClient): void {
    if (this.session !== session) return;
    this.session = undefined;
    session.release(true);
  }
}
