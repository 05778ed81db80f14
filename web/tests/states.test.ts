/** Every page in every state that it has: to be used by everyone, and on every screen. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, idOf, lines, settled, SIZES, useBrowser, visit } from './browser';

useBrowser();

/** Holds an answer of the API back until the page is gone, or gives another one. */
const hold = (page: Page, what: string) => page.route(`**/api/v1/${what}`, () => undefined);
const refuse = (page: Page, what: string, status: number) => page.route(`**/api/v1/${what}`, (route) => route.fulfill({ status, contentType: 'application/json', headers: { 'retry-after': '60' }, body: '{}' }));
/** Into a page without the server's text of it, so that the app has to ask. */
async function inside(page: Page, to: string) {
  await page.goto('/offline');
  await page.evaluate((path) => {
    const way = document.createElement('a');
    [way.href, way.textContent] = [path, 'x'];
    document.querySelector('main')!.append(way);
    way.click();
  }, to);
}
const GONE = '/title/01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed';

/** Every page in every state that it has, and what is there once it is in it. */
const STATES: Record<string, (page: Page) => Promise<string>> = {
  discover: async (page) => (await page.goto('/'), 'main section li a'),
  'discover, loading': async (page) => (await hold(page, 'discover*'), await page.goto('/'), '.ghost'),
  'discover, further rows failed': async (page) => (await page.route('**/discover?*from=4*', (route) => route.abort()), await page.goto('/'), await page.locator('main section li a').first().waitFor(), await page.mouse.wheel(0, 9_000), '.notice'),
  'discover, empty': async (page) => (await page.route('**/api/v1/discover*', (route) => route.fulfill({ json: { rows: [], total: 0 } })), await page.goto('/'), 'text=nothing in the catalogue'),
  'discover, failed': async (page) => (await refuse(page, 'discover*', 503), await page.goto('/'), '.notice'),
  preferences: async (page) => (await page.goto('/'), await page.locator('.place').click(), '#preferences .check'),
  search: async (page) => (await page.goto('/search?q=harbour+films+of+the+80s'), '#results li.line'),
  'search, loading': async (page) => (await hold(page, 'search'), await page.goto('/search?q=harbour&page=1'), '#results .ghost'),
  'search, failed': async (page) => (await refuse(page, 'search', 503), await page.goto('/search?q=harbour'), '.notice'),
  'search, too many': async (page) => (await refuse(page, 'search', 429), await page.goto('/search?q=harbour'), '.notice'),
  'search, refused': async (page) => (await refuse(page, 'search', 400), await page.goto('/search?q=harbour&genre=drama'), '.notice'),
  'search, nothing found': async (page) => (await page.goto('/search?genre=western&from=1990&to=1999'), '.empty li a'),
  'search, corrected': async (page) => (await page.goto('/search?q=lighhouse+bishop'), '.corrected'),
  'search, a chip is edited': async (page) => (await page.goto('/search?q=90s+films+by+Nora+Vance'), await page.locator('.intent .name', { hasText: '1990' }).click(), '.intent form input'),
  'search, a person is edited': async (page) => (await page.goto('/search?q=films+by+Nora+Vance'), await page.locator('.intent .name', { hasText: 'Nora' }).click(), await page.fill('.intent form input', 'bo'), '.intent form li button'),
  'search, a genre is edited': async (page) => (await page.goto('/search?q=thrillers+of+the+90s'), await page.locator('.intent .name', { hasText: 'Thriller' }).click(), '.intent form select[data-value]'),
  'search, an old address': async (page) => (await page.goto('/search?q=harbour&on=filmstrip'), '.told [role="status"]'),
  'search, one filter set': async (page) => (await page.goto('/search?q=the&genre=drama'), '#f-genres-drama'),
  title: async (page) => (await page.goto(`/title/${await idOf('Crooked Mile')}`), 'table'),
  'title, with pictures': async (page) => (await page.goto(`/title/${await idOf('The Paper Lighthouse')}`), '.backdrop img.there'),
  'title, a series': async (page) => (await page.goto(`/title/${await idOf('Harbour Street')}`), 'article .line'),
  'title, episodes failed': async (page) => (await refuse(page, 'content/*/seasons/1', 503), await page.goto(`/title/${await idOf('Harbour Street')}`), await page.locator('.seasons summary').first().click(), '.seasons .notice'),
  'title, loading': async (page) => (await hold(page, 'content/*'), await inside(page, GONE), 'article .ghost'),
  'title, failed': async (page) => (await refuse(page, 'content/*', 503), await inside(page, GONE), '.notice'),
  'title, similar ones failed': async (page) => (await refuse(page, 'content/*/similar*', 503), await page.goto(`/title/${await idOf('Crooked Mile')}`), 'section .notice'),
  'title, gone': async (page) => (await page.goto(GONE), '.missing h1'),
  'results, without script': async (page) => (await page.route('**/assets/*.js', (route) => route.abort()), await page.goto('/search/plain?q=films'), 'main ol li a'),
  offline: async (page) => (await page.goto('/offline'), 'main h1'),
  'nothing there': async (page) => (await page.goto('/movies/harbour-of-glass'), 'main h1'),
};

describe('every page', () => {
  it.each(Object.entries(STATES))('passes axe: %s, in both colours', async (_, come) => {
    const { page, troubles } = await visit();
    await page.locator(await come(page)).first().waitFor();
    await page.waitForTimeout(150);
    await accessible(page);
    await page.emulateMedia({ colorScheme: 'light' });
    await accessible(page);
    expect(troubles).toEqual([]);
  });

  it.each([
    ['on a phone', { viewport: SIZES.phone, isMobile: true, hasTouch: true }],
    ['from right to left', { prefs: { locale: 'ar' } }],
    ['on a TV', { viewport: SIZES.tv, prefs: { layout: 'tv' } }],
  ])('passes axe %s: start, results, nothing found, title, gone', async (_, options) => {
    const { page, troubles } = await visit(options);
    for (const state of ['discover', 'search', 'search, nothing found', 'title', 'title, with pictures', 'title, gone']) {
      await page.locator(await STATES[state]!(page)).first().waitFor();
      await accessible(page);
    }
    expect(troubles).toEqual([]);
  });

  it('passes axe on a phone with its filters open', async () => {
    const { page } = await visit({ viewport: SIZES.phone, isMobile: true, hasTouch: true });
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    await page.locator('aside summary').tap();
    await page.locator('aside fieldset').first().waitFor();
    await accessible(page);
  });

  for (const [name, options] of Object.entries({
    'a 320-pixel screen': { viewport: { width: 320, height: 640 } },
    // 200 % zoom of a 1280-pixel window (WCAG 1.4.4, 1.4.10).
    '200 % zoom': { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
    'a phone': { viewport: SIZES.phone, isMobile: true, hasTouch: true },
  })) {
    // The narrowest holds the longest words, and those from the other side.
    it.each(name.includes('320') ? ['en', 'ar', 'en-XA'] : ['en'])(`fits ${name} without sideways scrolling, in %s`, async (locale) => {
      const { page } = await visit({ ...options, prefs: { locale } });
      const paths = [GONE, '/offline', '/movies/harbour-of-glass', '/search?genre=western&from=1990&to=1999', `/title/${await idOf('The Paper Lighthouse')}`, '/', '/search?q=90s+films+by+Nora+Vance', '/search?q=extremely+long+lighthouse'];
      for (const path of paths) {
        await page.goto(path);
        await page.locator('main h1, main li a').first().waitFor();
        await settled(page);
        expect([path, await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)]).toEqual([path, 0]);
      }
      await page.locator('#results li.line a', { hasText: 'The Extremely Long' }).click();
      await page.locator('main article h1').waitFor();
      expect((await page.locator('main article h1').innerText()).length).toBeGreaterThanOrEqual(290);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      await accessible(page);
    });
  }
});
