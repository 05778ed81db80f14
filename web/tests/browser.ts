/** The system's Chromium, and what every journey needs of it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';

export const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 }, tv: { width: 1920, height: 1080 } } as const;
const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
const open: BrowserContext[] = [];

export function useBrowser(): void {
  beforeAll(async () => {
    if (!CHROMIUM) throw new Error('Chromium is missing: apt-get install chromium, or set CHROMIUM to its path');
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  });
  afterAll(async () => {
    for (const context of open.splice(0)) await context.close();
    await browser?.close();
  });
}

export const base = () => inject('base');

export interface Visit {
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page, and every address outside the node that it asked for. */
  troubles: string[];
}

/** A new person: an own browser profile in which nothing was chosen. */
export async function visit(options: BrowserContextOptions & { prefs?: Record<string, unknown>; worker?: boolean } = {}): Promise<Visit> {
  const { prefs, worker = false, ...rest } = options;
  const context = await browser.newContext({
    baseURL: base(), viewport: SIZES.desk, locale: 'en-US', timezoneId: 'UTC', colorScheme: 'dark', serviceWorkers: worker ? 'allow' : 'block', ...rest,
  });
  open.push(context);
  const kept = JSON.stringify({ region: 'US', services: [], locale: 'en', theme: 'system', layout: 'auto', ...prefs });
  await context.addInitScript((text) => {
    if (!localStorage.getItem('mg.prefs')) localStorage.setItem('mg.prefs', text);
  }, kept);
  const page = await context.newPage();
  // What should be there in a second may take longer on a busy machine; nothing is measured by it.
  page.setDefaultTimeout(25_000);
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base()) && !request.url().startsWith('data:')) troubles.push(`asked outside: ${request.url()}`);
  });
  return { context, page, troubles };
}

/** What axe finds against WCAG 2.2 AA; injected past the page's own policy, which has no room for it. */
export async function accessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } }).axe;
    const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`).join(' | ')}`);
  });
  expect(found).toEqual([]);
}

/** The id of the title that is called so. */
export async function idOf(title: string): Promise<string> {
  const answer = await fetch(`${base()}/api/v1/content/titles?q=${encodeURIComponent(title)}`);
  return ((await answer.json()) as { items: { id: string }[] }).items[0]!.id;
}

export const lines = (page: Page) => page.locator('#results li.line');
/** Of the whole list: what lies below the window is drawn a moment after the rest. */
export async function titles(page: Page): Promise<string[]> {
  await page.waitForFunction(() => !document.querySelector('#results ol[aria-busy="true"]'));
  return page.locator('#results li.line h2 a').allInnerTexts();
}

/** How many titles there are in all, as the page says. */
export const total = async (page: Page) => Number(/([\d,]+) titles?/.exec(await page.locator('#results .count strong').innerText())![1]!.replace(',', ''));

/** Waits until the page rests: nothing is being asked, and what was answered is shown. */
export async function settled(page: Page): Promise<void> {
  // A tap is painted before it has its effect: some frames, which take as long as the browser is busy.
  await page.waitForTimeout(150);
  await page.waitForFunction(() => {
    const page = window as unknown as { rested?: number };
    page.rested = (page.rested ?? 0) + 1;
    return page.rested % 6 === 0;
  });
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
}

/** Scrolls down the start page until it has rows of all these kinds and no more come; how many there are. */
export async function scrolled(page: Page, kinds: RegExp[]): Promise<number> {
  const rows = page.locator('main section h2 a[id^="row-"]');
  let [all, unchanged] = [0, 0];
  while (unchanged < 8) {
    await page.mouse.wheel(0, 2_500);
    await page.waitForTimeout(150);
    const headings = await rows.allTextContents();
    const whole = kinds.every((kind) => headings.some((heading) => kind.test(heading)));
    unchanged = whole && headings.length === all ? unchanged + 1 : 0;
    all = headings.length;
  }
  return all;
}
