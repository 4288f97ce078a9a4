import type { Worker } from 'node:cluster';
import type { FromMember, ToMember } from './messages.js';

/** How long the processes have to tell their metrics: less than a scrape waits. */
const MAX_TELL_MS = 2_000;

interface Question {
  readonly waiting: Set<Worker>;
  readonly texts: string[];
  answer(): void;
}

/** Asks all processes that serve for their metrics when one of them is asked for those of all. */
export class Gathering {
  private readonly questions = new Map<number, Question>();
  private lastAsk = 0;

  constructor(private readonly serving: ReadonlySet<Worker>) {}

  take(asking: Worker, message: Exclude<FromMember, { readonly kind: 'ready' }>): void {
    if (message.kind === 'gather') this.begin(asking, message.ask);
    else this.note(asking, message);
  }

  /** Nobody waits for a process that has ended. */
  forget(worker: Worker): void {
    for (const question of this.questions.values()) settle(question, worker);
  }

  private begin(asking: Worker, theirs: number): void {
    this.lastAsk += 1;
    const ask = this.lastAsk;
    const all = new Set([...this.serving, asking]);
    const workers = [...all].filter((worker) => worker.isConnected());
    const texts: string[] = [];
    const answer = () => {
      clearTimeout(timer);
      this.questions.delete(ask);
      send(asking, { kind: 'gathered', ask: theirs, texts });
    };
    const timer = setTimeout(answer, MAX_TELL_MS);
    this.questions.set(ask, { waiting: new Set(workers), texts, answer });
    for (const worker of workers) send(worker, { kind: 'tell', ask });
  }

  private note(worker: Worker, told: { readonly ask: number; readonly text: string }): void {
    const question = this.questions.get(told.ask);
    if (question === undefined) return;
    question.texts.push(told.text);
    settle(question, worker);
  }
}

function settle(question: Question, worker: Worker): void {
  if (question.waiting.delete(worker) && question.waiting.size === 0) question.answer();
}

/** One that ends meanwhile gets nothing. */
function send(worker: Worker, message: ToMember): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
