/** A part of the console did not arrive, or is not there any more. */
export class NotLoaded extends Error {
  constructor(cause: unknown) {
    super(
      'The gateway cannot be reached, or is another release than this page. Trying again loads the page anew.',
      { cause },
    );
  }
}

/**
 * A part of the console that is fetched when it is first shown. Where that fails, browsers and
 * libraries keep the failure, or load the page at once, gateway or not; so the error is our own.
 */
export const loaded =
  <Part>(load: () => Promise<Part>) =>
  (): Promise<Part> =>
    load().catch((error: unknown) => {
      throw new NotLoaded(error);
    });

/** Loads the page anew once the gateway has it: without one the browser would show its own error. */
export async function reload(): Promise<void> {
  const response = await fetch('/', { cache: 'no-store' }).catch(() => undefined);
  if (response?.ok) location.reload();
}
