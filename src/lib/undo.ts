/** What is to be undone at the end of something that has begun more and more. */
export class Undo {
  private readonly steps: (() => unknown)[] = [];

  /** @param step may return a promise, which is waited for */
  push(step: () => unknown): void {
    this.steps.push(step);
  }

  /**
   * Undoes all, what was begun last first, and each once. A step that fails keeps no other from its
   * turn.
   * @throws what the first step failed with, once all have had theirs
   */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.steps.splice(0).reverse())
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  }
}
