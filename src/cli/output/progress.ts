import type { WriteStream } from 'node:tty';
import { visible } from './visible.js';

/** Progress is shown for whatever takes longer than this. */
const PATIENCE_MS = 1_000;

/** One line on the standard error of a terminal that says what is waited for, and goes again. */
export class Progress {
  private isShown = false;

  constructor(private readonly stream: WriteStream) {}

  /** Waits for something, and says so when it takes long. */
  async during<Result>(what: string, work: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => this.show(`${what} …`), PATIENCE_MS);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
      this.clear();
    }
  }

  show(line: string): void {
    if (this.stream.isTTY !== true) return;
    this.stream.write(`\r\u001b[2K${visible(line).slice(0, (this.stream.columns || 80) - 1)}`);
    this.isShown = true;
  }

  clear(): void {
    if (this.isShown) this.stream.write('\r\u001b[2K');
    this.isShown = false;
  }
}
