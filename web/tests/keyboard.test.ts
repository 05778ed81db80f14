/** Without a pointer: keyboard, remote and screen reader's order; and in every language. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, idOf, lines, settled, SIZES, useBrowser, visit } from './browser';

useBrowser();
const focused = (page: Page) => page.evaluate(() => ({ id: document.activeElement?.id ?? '', tag: document.activeElement?.tagName ?? '', text: document.activeElement?.textContent?.trim() ?? '' }));

describe('the keyboard alone', () => {
  it('goes from the box to a result, along the list, into a title and back', async () => {
    const { page, troubles } = await visit();
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    await page.keyboard.press('/');
    expect((await focused(page)).id).toBe('box');
    await page.keyboard.type('harbour');
    await lines(page).first().waitFor();
    await settled(page);
    await page.keyboard.press('ArrowDown');
    const into = await focused(page);
    expect(into.tag).toBe('A');
    // On to the list of results, however many suggestions stand before it.
    for (let at = 0; at < 12 && !(await focused(page)).id.startsWith('t-'); at++) await page.keyboard.press('Tab');
    const first = (await focused(page)).id;
    expect(first).toMatch(/^t-/);
    await page.keyboard.press('ArrowDown');
    const second = (await focused(page)).id;
    expect(second).toMatch(/^t-/);
    expect(second).not.toBe(first);
    await page.keyboard.press('ArrowUp');
    expect((await focused(page)).id).toBe(first);
    await page.keyboard.press('Enter');
    await page.locator('main article h1').waitFor();
    expect((await focused(page)).tag).toBe('H1');
    await page.goBack();
    await page.waitForFunction((id) => document.activeElement?.id === id, first);
    await page.keyboard.press('Escape');
    expect((await focused(page)).id).toBe('box');
    expect(troubles).toEqual([]);
  });

  it('reaches everything by Tab, always visibly, and the way past the header first', async () => {
    const { page } = await visit();
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    await page.keyboard.press('Tab');
    expect((await focused(page)).text).toBe('Skip to the content');
    const seen = new Set<string>();
    for (let at = 0; at < 60; at++) {
      await page.keyboard.press('Tab');
      const state = await page.evaluate(() => {
        const element = document.activeElement!;
        if (element === document.body) return { name: 'body', shown: true };
        const line = element.closest('.line');
        const style = getComputedStyle(line ?? element);
        return { name: `${element.tagName}#${element.id}.${element.textContent?.slice(0, 20)}`, shown: style.outlineStyle !== 'none' && element.checkVisibility() };
      });
      expect(state).toMatchObject({ shown: true });
      seen.add(state.name);
    }
    expect(seen.size).toBeGreaterThan(20);
  });

  it('finds the box from a filter too', async () => {
    const { page } = await visit();
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    for (const control of ['aside input[type=checkbox]', 'select']) {
      await page.locator(`main ${control}`).first().focus();
      await page.keyboard.press('/');
      expect((await focused(page)).id, control).toBe('box');
    }
    expect(await page.locator('#box').inputValue()).toBe('harbour');
  });

  it('closes the preferences when it goes on to the page', async () => {
    const { page } = await visit();
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    await page.locator('.place').focus();
    await page.keyboard.press('Enter');
    const panel = page.locator('#preferences');
    await panel.locator('select').first().waitFor();
    await panel.locator('button', { hasText: 'Close' }).focus();
    expect(await panel.isVisible()).toBe(true);
    await page.keyboard.press('Tab');
    expect(await panel.isVisible()).toBe(false);
    expect((await focused(page)).tag).not.toBe('BODY');
  });

  it('edits what was understood, and focus is never lost', async () => {
    const { page } = await visit();
    await page.goto('/search?q=90s+films+by+Nora+Vance');
    const chips = page.locator('.intent li');
    await chips.first().waitFor();
    const before = await chips.count();
    expect(before).toBeGreaterThan(1);
    const years = chips.filter({ hasText: '1990' });
    await years.locator('.remove').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/intent=/);
    await settled(page);
    expect(await chips.filter({ hasText: '1990' }).count()).toBe(0);
    expect((await focused(page)).tag).not.toBe('BODY');
    const all = await page.locator('#results li.line h2').allInnerTexts();
    expect(all.join()).toContain('Slow Train to Aldermoor');
    await page.goBack();
    await chips.filter({ hasText: '1990' }).waitFor();
    await settled(page);
    await chips.filter({ hasText: '1990' }).locator('.name').click();
    await page.fill('.intent input[name="from"]', '2000');
    await page.fill('.intent input[name="to"]', '2005');
    await page.keyboard.press('Enter');
    await page.waitForURL(/intent=/);
    await settled(page);
    expect((await page.locator('#results li.line h2').allInnerTexts())[0]).toContain('Slow Train');
  });

  it('keeps the focus where it was: in the box, on a filter that moves up, and on a chip whose editor is left', async () => {
    const { page } = await visit();
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    await page.focus('#box');
    await page.keyboard.type('harbour');
    await page.keyboard.press('Enter');
    await lines(page).first().waitFor();
    expect((await focused(page)).id).toBe('box');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => !!document.activeElement?.closest('main')), 'from there an arrow leads on').toBe(true);

    await page.goto('/search');
    await settled(page);
    const box = page.locator('fieldset', { hasText: 'Genre' }).locator('input').nth(3);
    await box.focus();
    const label = await box.evaluate((element) => element.closest('label')!.textContent!.replace(/[\d,.\s]+$/, ''));
    await page.keyboard.press('Space');
    await page.waitForURL(/genre=/);
    await settled(page);
    const at = await page.evaluate(() => document.activeElement?.closest('label')?.textContent ?? document.activeElement?.tagName);
    expect(at).toContain(label);

    await page.goto('/search?q=90s+films');
    const years = page.locator('.intent button.name', { hasText: '1990' });
    await years.click();
    await page.locator('.intent input[name="from"]').focus();
    await page.keyboard.press('Escape');
    expect(await page.locator('.intent form').count()).toBe(0);
    expect((await focused(page)).text).toContain('1990');
  });

  it('tells how many there are once it has settled', async () => {
    const { page } = await visit();
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    await page.waitForFunction(() => /\d+ title/.test(document.querySelector('main [role="status"]')?.textContent ?? ''));
  });
});

describe('a remote', () => {
  it('moves by geometry over the whole page, with focus seen from afar', async () => {
    const { page } = await visit({ viewport: SIZES.tv, prefs: { layout: 'tv' } });
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    const size = await page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
    expect(size).toBeGreaterThanOrEqual(28);
    await page.keyboard.press('ArrowDown');
    const row = (await focused(page)).id;
    expect(row).not.toBe('');
    for (let at = 0; at < 6 && !(await page.evaluate(() => document.activeElement?.closest('main li'))); at++) await page.keyboard.press('ArrowDown');
    const poster = (await focused(page)).id;
    await page.keyboard.press('ArrowRight');
    const next = (await focused(page)).id;
    expect(next).not.toBe(poster);
    await page.keyboard.press('ArrowLeft');
    expect((await focused(page)).id).toBe(poster);
    // Nothing on the page is too small to be read from there.
    const least = await page.evaluate(() => Math.min(...[...document.querySelectorAll('main *, header *')]
      .filter((element) => element.checkVisibility() && !element.closest('.hidden, [aria-hidden]') && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim()))
      .map((element) => parseFloat(getComputedStyle(element).fontSize))));
    expect(least).toBeGreaterThanOrEqual(20);
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement!).boxShadow);
    expect(ring).not.toBe('none');
    // And what it stands in leaves room for the ring.
    const room = await page.evaluate(() => {
      const [at, row] = [document.activeElement!.getBoundingClientRect(), document.activeElement!.closest('ul')!.getBoundingClientRect()];
      return Math.min(at.left - row.left, at.top - row.top);
    });
    expect(room).toBeGreaterThanOrEqual(Math.max(...[...ring.matchAll(/([\d.]+)px/g)].map((match) => Number(match[1]))));
    for (let at = 0; at < 20; at++) await page.keyboard.press('ArrowLeft');
    expect((await focused(page)).id, 'left of the first there is nothing').toBe(await page.evaluate(() => document.activeElement!.closest('ul')!.querySelector('a')!.id));
    for (let at = 0; at < 12 && (await focused(page)).id !== 'box'; at++) await page.keyboard.press('ArrowUp');
    // The top of the page is reached too.
    expect(await page.evaluate(() => !!document.activeElement?.closest('header'))).toBe(true);
    await accessible(page);
    // A list of choices is passed like anything else; it opens when asked to.
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    await page.focus('aside select');
    await page.keyboard.press('ArrowDown');
    expect((await focused(page)).tag === 'SELECT' && (await page.locator('aside select').first().evaluate((element) => element === document.activeElement))).toBe(false);
    expect(page.url()).not.toMatch(/max=/);
    // What is scrolled under the header comes before the header.
    await page.locator('#results li.line a').nth(1).focus();
    await page.keyboard.press('ArrowUp');
    expect((await focused(page)).id).toBe(await page.locator('#results li.line h2 a').first().getAttribute('id'));
  });
});

/** Presses keys in turn until what has the focus is one of these. */
async function walk(page: Page, keys: string[], to: string): Promise<void> {
  const there = () => page.evaluate((selector) => document.activeElement!.matches(selector), to);
  for (let at = 0; at < 60 && !(await there()); at++) await page.keyboard.press(keys[at % keys.length]!);
  expect(await there(), `${keys.join()} to ${to}, not ${JSON.stringify(await focused(page))}`).toBe(true);
}

describe('a remote alone', () => {
  it('goes through a first minute: a row, a search, its title, a similar one, and back to where it was each time', async () => {
    const { page, troubles } = await visit({ viewport: SIZES.tv, prefs: { layout: 'tv' } });
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    await walk(page, ['ArrowDown'], 'main section li a');
    const poster = (await focused(page)).id;
    await page.keyboard.press('Enter');
    await page.locator('main article h1').waitFor();
    await page.goBack();
    await page.waitForFunction((id) => document.activeElement?.id === id, poster);
    await walk(page, ['ArrowUp'], 'header *');
    await walk(page, ['ArrowRight', 'ArrowLeft'], '#box');
    await page.keyboard.type('films by Nora Vance');
    await page.waitForURL(/Nora\+Vance/);
    await settled(page);
    // A chip and a filter are on the way.
    await walk(page, ['ArrowDown'], '.intent button');
    await walk(page, ['ArrowDown'], '#results li.line h2 a');
    await walk(page, ['ArrowLeft', 'ArrowDown'], 'aside input, aside button, aside select');
    await walk(page, ['ArrowRight', 'ArrowUp'], '#results li.line h2 a');
    const result = (await focused(page)).id;
    await page.keyboard.press('Enter');
    await page.locator('main article h1').waitFor();
    await page.locator('a[id^="s-"]').first().waitFor();
    await walk(page, ['ArrowDown'], 'a[id^="s-"]');
    const similar = (await focused(page)).id;
    const before = await page.locator('main article h1').innerText();
    await page.keyboard.press('Enter');
    await page.waitForFunction((title) => ![null, title].includes(document.querySelector('main article h1')?.textContent ?? null), before);
    await page.goBack();
    await page.waitForFunction((id) => document.activeElement?.id === id, similar);
    await page.goBack();
    await page.waitForFunction((id) => document.activeElement?.id === id, result);
    expect(troubles).toEqual([]);
  });
});

describe('languages', () => {
  it('goes through a first minute from right to left: a row, a search, chip and filter, a title, a similar one, and back', async () => {
    const { page, troubles } = await visit({ prefs: { locale: 'ar' } });
    await page.goto('/');
    const row = page.locator('main section').first().locator('li a');
    await row.nth(2).waitFor();
    // The next is to the left.
    await row.first().focus();
    await page.keyboard.press('ArrowLeft');
    expect((await focused(page)).id).toBe(await row.nth(1).getAttribute('id'));
    await page.keyboard.press('ArrowRight');
    expect((await focused(page)).id).toBe(await row.first().getAttribute('id'));
    await page.keyboard.press('/');
    await page.keyboard.type('90s films by Nora Vance');
    await page.waitForURL(/Nora\+Vance/);
    await settled(page);
    await page.locator('.intent li', { hasText: '1990' }).locator('.remove').click();
    await page.waitForURL(/intent=/);
    await settled(page);
    await page.locator('.decades button[aria-label*="2000"]').click();
    await page.waitForURL(/from=2000&to=2009/);
    await settled(page);
    const link = page.locator('#results li.line h2 a', { hasText: 'Slow Train to Aldermoor' });
    const id = await link.getAttribute('id');
    await link.click();
    await page.locator('main article h1', { hasText: 'Slow Train' }).waitFor();
    await page.locator('a[id^="s-"]').first().click();
    await page.waitForFunction(() => !document.querySelector('main h1')?.textContent?.includes('Slow Train'));
    await page.goBack();
    await page.locator('main article h1', { hasText: 'Slow Train' }).waitFor();
    await page.goBack();
    await page.waitForFunction((wanted) => document.activeElement?.id === wanted, id);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    expect(troubles).toEqual([]);
  });

  it('runs from right to left in Arabic, with its digits, places and plurals', async () => {
    const { page, troubles } = await visit({ prefs: { locale: 'ar', region: 'US' } });
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    expect(await page.evaluate(() => [document.documentElement.dir, document.documentElement.lang])).toEqual(['rtl', 'ar']);
    expect(await page.locator('main h1').innerText()).toBe('اعثر على ما تشاهده');
    // Names of rows and reasons are said in Arabic too.
    for (const words of await page.locator('main section h2, main section .reason').allInnerTexts()) expect(words).toMatch(/[\u0600-\u06ff]/);
    await accessible(page);
    await page.goto('/search?q=Crooked+Mile');
    const line = lines(page).first();
    await line.waitFor();
    const [pic, what] = [await line.locator('.pic').boundingBox(), await line.locator('.what').boundingBox()];
    expect(pic!.x).toBeGreaterThan(what!.x);
    for (const words of await line.locator('.why li').allInnerTexts()) expect(words).toMatch(/[\u0600-\u06ff]/);
    await line.locator('a').click();
    expect(await page.locator('#offers').innerText()).toContain('الولايات المتحدة');
    expect(troubles).toEqual([]);
  });

  it('says a language as the filter beside the results says it, and a price in the order in which it is read', async () => {
    const { page } = await visit({ prefs: { locale: 'ar', region: 'US' } });
    await page.goto('/search?q=The+Quiet+Furrow');
    const names = page.locator('aside fieldset', { has: page.locator('input[id^="f-languages-"]') }).locator('bdi');
    await names.first().waitFor();
    const beside = (await names.allInnerTexts()).sort();
    expect(beside).toEqual(['الصينية', 'النرويجية']);
    await page.goto(`/title/${await idOf('The Quiet Furrow')}`);
    await page.locator('.facts dd', { hasText: beside[0]! }).waitFor();
    expect((await page.locator('.facts dd', { hasText: beside[0]! }).innerText()).split('، ').sort()).toEqual(beside);
    await page.goto('/search?type=movie');
    const price = page.locator('#results .where bdi', { hasText: 'US$' }).first();
    await price.waitFor();
    const places = await price.evaluate((element) => {
      const [text, range] = [element.firstChild!, document.createRange()];
      const at = text.textContent!.indexOf('US$');
      return [0, 1, 2].map((sign) => (range.setStart(text, at + sign), range.setEnd(text, at + sign + 1), range.getBoundingClientRect().x));
    });
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it.each([['ar', /^[\u0600-\u06ff ]+$/], ['en-XA', /^[^a-zA-Z]+$/]])('names every genre, in %s: beside the results, in them, and as it is suggested', async (locale, own) => {
    const { page } = await visit({ prefs: { locale } });
    await page.goto('/search?q=inter');
    await page.locator('.straight li').first().waitFor();
    expect((await page.locator('.straight li a').allInnerTexts()).some((name) => own.test(name))).toBe(true);
    await page.goto('/search');
    await lines(page).first().waitFor();
    const genres = page.locator('aside fieldset', { has: page.locator('input[id^="f-genres-"]') });
    await genres.locator('.link').click();
    const names = await genres.locator('bdi').allInnerTexts();
    expect(names.length).toBeGreaterThan(12);
    for (const name of names) expect(name).toMatch(own);
  });

  it('leaves nothing untranslated: the pseudo-locale reaches every word of ours', async () => {
    const { page } = await visit({ prefs: { locale: 'en-XA' } });
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    const words = await page.locator('aside legend, aside summary, #results .count strong, header .name span, ul.why li').allTextContents();
    expect(words.length).toBeGreaterThan(6);
    for (const word of words) expect(word).toMatch(/~/);
    await page.locator('.place').click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });
});
