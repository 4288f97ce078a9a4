import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { checkout } from '../support/checkout.js';
import { programPath } from '../support/system-programs.js';
import { MAX_WAIT_MS, waitFor } from '../support/wait.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Where pictures of every page are left when TEST_PICTURES=on, for people to look at. */
const PICTURES = join(checkout, 'dist', 'screenshots');
const IS_DRAWN =
  'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';

const NOTE_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) =>
  noteViolation([event.violatedDirective, event.blockedURI, event.sample].join(' ')))`;
const IS_SETTLED =
  "document.querySelector('main h1, main h2') !== null && document.querySelector('[aria-busy=true]') === null && document.fonts.status === 'loaded'";
/** What a page's colours can break. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];
const runAxe = (rules: readonly string[]) => `axe
  .run({ runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'], preload: false, selectors: false })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) =>
    [id, any[0] && any[0].message, html.slice(0, 200)].join(': '))))`;
/**
 * What Chromium would load for the address bar of each window, though nobody types there; and of what
 * Playwright switches off, which this replaces, what is met here.
 */
const UNUSED_FEATURES = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'],
  ...['HttpsUpgrades', 'PaintHolding', 'MediaRouter'],
  ...['OptimizationHints', 'NetworkTimeServiceQuerying'],
];
/** What the focused element is called. */
const FOCUSED = `(({ activeElement: element }) => element === document.body ? '' : [element.getAttribute('aria-label'),
  element.labels && element.labels[0] && element.labels[0].textContent, element.textContent]
  .join(' '))(document)`;

/** What a page must not do: complain, break its policy, or ask another host. */
export interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

/** The system's Chromium. */
export function startBrowser(): Promise<Browser> {
  // Its own sandbox needs rights, and its shared memory room, that containers do not give.
  return chromium.launch({
    executablePath: programPath('chromium'),
    args: [
      ...['--no-sandbox', '--disable-dev-shm-usage'],
      `--disable-features=${UNUSED_FEATURES.join(',')}`,
    ],
  });
}

/** A window that nobody is signed in to. */
export async function newContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    // Colours are looked at when they have arrived.
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(MAX_WAIT_MS);
  return context;
}

/** A page of it, and what it does wrong. @param isExpected of what it says: a test is about it */
export async function newPage(
  context: BrowserContext,
  isExpected: (fault: string) => boolean = () => false,
): Promise<Watched> {
  const page = await context.newPage();
  const faults: string[] = [];
  const note = (fault: string) => {
    if (!isExpected(fault)) faults.push(fault);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) note(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`error: ${error.message}`));
  page.on('crash', () => note('the page crashed'));
  page.on('dialog', (dialog) => {
    note(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    const own = page.url() === 'about:blank' ? origin : new URL(page.url()).origin;
    if (origin !== own && protocol !== 'blob:') note(`another origin: ${request.url()}`);
  });
  await page.exposeFunction('noteViolation', (what: string) => note(`policy: ${what}`));
  await page.addInitScript({ content: NOTE_VIOLATIONS });
  return { page, faults };
}

/** Exchanges the key for a session, as a person does. */
export async function signIn(page: Page, url: string, key: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor({ state: 'attached' });
}

/** A window that the holder of a key is signed in to. */
export async function signedInContext(
  browser: Browser,
  url: string,
  key: string,
): Promise<BrowserContext> {
  const context = await newContext(browser);
  const { page } = await newPage(context);
  await signIn(page, url, key);
  await page.close();
  return context;
}

/** Until nothing on the page is on its way. */
export async function settled(page: Page, faults: readonly string[] = []): Promise<void> {
  try {
    await waitFor(`${page.url()} to have all that it asked for`, () =>
      page.evaluate<boolean>(IS_SETTLED),
    );
  } catch (error) {
    const shown = await page.evaluate<string>('document.body.innerText');
    throw new Error(
      `${String(error)}\nThe page complained: ${faults.join('\n')}\nIt shows: ${shown}`,
    );
  }
}

/**
 * Until the page is drawn as it is by now. Taking its picture takes longer than all that is then
 * looked at, so that is done for who asks.
 */
export async function drawn(page: Page, name: string): Promise<void> {
  await page.evaluate(IS_DRAWN);
  if (process.env.TEST_PICTURES !== 'on') return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** A page of a console that somebody is signed in to, with all that it asked for. */
export async function openPage(
  context: BrowserContext,
  address: string,
  isExpected?: (fault: string) => boolean,
): Promise<Watched> {
  const watched = await newPage(context, isExpected);
  await watched.page.goto(address);
  await settled(watched.page, watched.faults);
  return watched;
}

/**
 * Records how long the tasks of pages keep their thread, in processor time: what other programs take
 * of a busy machine is not counted.
 * @returns ends that; tasks and the milliseconds of the longest
 */
export async function recordTasks(page: Page) {
  const session = await page.context().newCDPSession(page);
  const events: { name: string; pid: number; tid: number; tdur?: number; args?: unknown }[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as typeof events));
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: ['disabled-by-default-devtools.timeline', '__metadata'],
      excludedCategories: ['*'],
    },
  });
  return async (): Promise<{ readonly tasks: number; readonly longestMs: number }> => {
    const ended = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await ended;
    await session.detach();
    const threadOf = ({ pid, tid }: (typeof events)[number]) => `${pid} ${tid}`;
    const pages = new Set(
      events
        .filter(
          ({ name, args }) => name === 'thread_name' && /CrRendererMain/.test(JSON.stringify(args)),
        )
        .map(threadOf),
    );
    const tasks = events.filter((event) => event.name === 'RunTask' && pages.has(threadOf(event)));
    const longest = tasks.reduce((most, { tdur = 0 }) => Math.max(most, tdur), 0);
    return { tasks: tasks.length, longestMs: longest / 1_000 };
  };
}

/** What the browser says of an answer that a test is about, or of a gateway that is not there. */
export const isRefusedLoad = (fault: string): boolean => /Failed to load resource/.test(fault);

/** What axe finds against WCAG 2.2 AA, one line each. */
export const violations = (page: Page): Promise<readonly string[]> => asAxeFinds(page, RULES);

/** What of that another theme can change. */
export const colourViolations = (page: Page): Promise<readonly string[]> =>
  asAxeFinds(page, COLOUR_RULES);

async function asAxeFinds(page: Page, rules: readonly string[]): Promise<readonly string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window")))
    await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate<string[]>(runAxe(rules));
}

/** Waits until an element that a person would tab to is focused. */
export async function tabTo(page: Page, name: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab') {
  const MAX_STOPS = 60;
  for (let stops = 0; stops < MAX_STOPS; stops++) {
    const focused = await page.evaluate<string>(FOCUSED);
    if (name.test(focused)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`nothing named ${name} within ${MAX_STOPS} stops of the keyboard`);
}

/** Waits until the page shows a text. */
export const shown = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByText(text, { exact: true }).first().waitFor();

/** Clicks a button by its name. */
export const press = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();
