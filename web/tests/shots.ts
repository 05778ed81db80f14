/** Takes a picture of every page in every size, colour and language, to be looked at: `npm run pictures` (DESIGN.md). It proves nothing by itself. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, idOf, lines, settled, SIZES, useBrowser, visit } from './browser';

useBrowser();
/** Git ignores it. */
const FOLDER = new URL('shots/', import.meta.url).pathname;
/** Long enough for pictures, and for what fades in. */
const REST_MS = 400;
const GONE = '/title/01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed';

interface Sight {
  /** Goes there, and says what is on the page then. */
  come: (page: Page) => Promise<string>;
  /** Without script the server's own page is seen. */
  script?: false;
  /** With the service worker, which keeps what was seen. */
  worker?: true;
}

const SIGHTS: Record<string, Sight> = {
  discover: { come: async (page) => (await page.goto('/'), 'main section li a') },
  preferences: { come: async (page) => (await page.goto('/'), await page.locator('main section li a').first().waitFor(), await page.locator('.place').click(), '#preferences .check') },
  search: { come: async (page) => (await page.goto('/search?q=thriller+films'), '#results li.line') },
  'search-person': { come: async (page) => (await page.goto('/search?q=films+by+Nora+Vance'), '#results li.line') },
  'search-edited': { come: async (page) => (await page.goto('/search?q=thrillers+with+Bo+Finch'), await page.locator('.intent .name', { hasText: 'Bo Finch' }).click(), '.intent form input') },
  'search-unsure': { come: async (page) => (await page.goto('/search?q=harbour+xqzzvw+plkjhg'), '.unsure') },
  'search-old': { come: async (page) => (await page.goto('/search?q=harbour&on=filmstrip&from=soon&sort=hot'), '.told [role="status"]') },
  'search-empty': { come: async (page) => (await page.goto('/search?genre=western&from=1990&to=1999'), '.empty li a') },
  'search-down': { come: async (page) => (await page.route('**/api/v1/search', (route) => route.abort()), await page.goto('/search?q=harbour'), '.notice') },
  title: { come: async (page) => (await page.goto(`/title/${await idOf('Crooked Mile')}`), 'table') },
  'title-pictures': { come: async (page) => (await page.goto(`/title/${await idOf('The Paper Lighthouse')}`), '.backdrop img.there') },
  'title-series': { come: async (page) => (await page.goto(`/title/${await idOf('Harbour Street')}`), 'article .line') },
  'title-long': { come: async (page) => (await page.goto(`/title/${await idOf('The Extremely Long and Almost Entirely True History')}`), 'article .line') },
  'title-gone': { come: async (page) => (await page.goto(GONE), '.missing h1') },
  'nothing-there': { come: async (page) => (await page.goto('/movies/harbour-of-glass'), 'main h1') },
  offline: { come: offline, worker: true },
  'plain-start': { come: async (page) => (await page.goto('/'), 'noscript form, form'), script: false },
  'plain-search': { come: async (page) => (await page.goto('/search/plain?q=films'), 'main ol li a'), script: false },
  'plain-title': { come: async (page) => (await page.goto(`/title/${await idOf('The Paper Lighthouse')}`), 'main h1'), script: false },
};

/** Somebody has seen two titles and a search, and then loses the network. */
async function offline(page: Page): Promise<string> {
  for (const title of ['Crooked Mile', 'Harbour Street']) {
    await page.goto(`/title/${await idOf(title)}`);
    await page.locator('article .line').waitFor();
  }
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.goto('/search?q=lighthouse');
  await lines(page).first().waitFor();
  await expect.poll(() => page.evaluate(async () => (await (await caches.open('searched')).keys()).length), { timeout: 5_000 }).toBeGreaterThan(0);
  await page.context().setOffline(true);
  await page.goto('/offline');
  return 'main a[id^="searched-"]';
}

/** All that was ever taken, side by side. */
async function album(): Promise<void> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.png')).sort();
  const figures = names.map((name) => `<figure><a href="${name}"><img src="${name}" loading="lazy" alt=""></a><figcaption>${name}</figcaption></figure>`);
  const style = 'body{display:flex;flex-wrap:wrap;gap:1rem;font:14px sans-serif;background:#777}figure{margin:0}img{height:22rem;display:block}';
  await writeFile(`${FOLDER}index.html`, `<!doctype html><meta charset="utf-8"><title>Pictures</title><style>${style}</style>${figures.join('\n')}`);
}

beforeAll(async () => void (await mkdir(FOLDER, { recursive: true })));
afterAll(album);

describe.each(Object.entries(SIGHTS))('%s', (name, { come, script = true, worker = false }) => {
  const all = (Object.keys(SIZES) as (keyof typeof SIZES)[]).flatMap((size) => (['dark', 'light'] as const).flatMap((colour) => ['en', 'ar', 'en-XA'].map((locale) => [size, colour, locale] as const)));
  it.each(all)('%s %s %s', async (size, colour, locale) => {
    const touch = size === 'phone' ? { isMobile: true, hasTouch: true } : {};
    const { page, context } = await visit({ ...touch, viewport: SIZES[size], colorScheme: colour, worker, javaScriptEnabled: script, prefs: { locale, layout: size === 'tv' ? 'tv' : 'auto' } });
    await context.addCookies([{ name: 'locale', value: locale, url: base() }]);
    await page.locator(await come(page)).first().waitFor();
    if (script) await settled(page);
    // A remote begins somewhere: on a TV the focus is part of the page.
    if (size === 'tv' && script) await page.keyboard.press('ArrowDown');
    await page.waitForTimeout(REST_MS);
    await page.screenshot({ path: `${FOLDER}${name}-${size}-${colour}-${locale}.png` });
    await context.close();
  });
});
