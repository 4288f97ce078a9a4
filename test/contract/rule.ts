import { inspect } from 'node:util';
import { test } from '../support/jest.js';

/**
 * A rule that adapters must keep, as a test. A failure says which rule is broken and what to do;
 * what was found instead follows as its cause.
 */
export function rule(sentence: string, remedy: string, check: () => unknown): void {
  test(sentence, () => named(sentence, remedy, check));
}

interface Case {
  /** The fixture's name, which `$name` in the sentence stands for. */
  readonly name: string;
}

/** A rule for each of an adapter's cases, such as its fixtures. */
export function ruleForEach<Given extends Case>(
  cases: readonly Given[],
  sentence: string,
  remedy: string,
  check: (given: Given) => unknown,
): void {
  for (const given of cases)
    rule(sentence.replaceAll('$name', given.name), remedy, () => check(given));
}

async function named(sentence: string, remedy: string, check: () => unknown): Promise<void> {
  try {
    await check();
  } catch (cause) {
    throw new BrokenRule(`Broken rule: ${sentence}.\nRemedy: ${remedy}`, { cause });
  }
}

/** Its own stack would only lead here, and of an error its runner shows the stack alone. */
class BrokenRule extends Error {
  override readonly name = 'BrokenRule';

  constructor(message: string, options: { readonly cause: unknown }) {
    super(message, options);
    this.stack = `${message}\n[cause]: ${inspect(options.cause)}`;
  }
}
