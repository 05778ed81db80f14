/** What was understood: chips that can be edited and removed, and what is asked where it is not clear. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, base, lines, settled, SIZES, titles, useBrowser, visit } from './browser';

useBrowser();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
const chip = (page: Page, text: string) => page.locator('.intent li', { hasText: text });
/** What the box, the chips, the title of the page and its heading say. */
const says = (page: Page) =>
  page.evaluate(() => ({
    box: (document.getElementById('box') as HTMLInputElement).value,
    title: document.title.replace(/ – [^–]*$/, ''),
    heading: document.querySelector('main h1')!.textContent!.replace(/^[^:]*:? ?/, ''),
    address: new URLSearchParams(location.search).get('q') ?? '',
  }));

describe('a chip', () => {
  it('of a person is another person, not wanted, or the only one, by keyboard and with names that are here', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=films+with+Bo+Finch');
    await chip(page, 'Bo Finch').waitFor();
    const all = await titles(page);
    await chip(page, 'Bo Finch').locator('.name').focus();
    await page.keyboard.press('Enter');
    const value = page.locator('.intent form input');
    await value.waitFor();
    expect(await value.evaluate((element) => element === document.activeElement)).toBe(true);
    // A name that nobody has is no search; one that comes near is offered.
    await value.fill('Zebulon Quux');
    await page.keyboard.press('Enter');
    await page.locator('.intent form [role="alert"]', { hasText: 'Zebulon Quux' }).waitFor();
    await accessible(page);
    await value.fill('otto b');
    const near = page.locator('.intent form li button', { hasText: 'Otto Bly' });
    await near.waitFor();
    await near.focus();
    // A name that is picked is the new chip at once.
    await page.keyboard.press('Enter');
    await chip(page, 'Otto Bly').waitFor();
    await settled(page);
    expect(await titles(page)).not.toEqual(all);
    expect(await says(page)).toMatchObject({ box: 'films with Otto Bly', title: 'films with Otto Bly', heading: 'films with Otto Bly', address: 'films with Otto Bly' });
    expect(await focused(page)).toContain('Otto Bly');

    await page.keyboard.press('Enter');
    await page.locator('.intent form select').selectOption('without');
    await page.locator('.intent form button.button').click();
    await chip(page, 'not Otto Bly').waitFor();
    expect((await says(page)).box).toBe('films without Otto Bly');
    expect(troubles).toEqual([]);
  });

  it('of every kind has an editor that fits it', async () => {
    const { page } = await visit();
    const read = { text: 'harbour', like: [], people: ['Bo Finch', 'Ada Wren'], genres: ['drama'], moods: ['tense'], content_types: ['movie'], platforms: ['netflix'], languages: ['en'], countries: ['FR'], year_range: { from: 1970, to: 1999 }, max_runtime_minutes: 150 };
    const open = async (text: string) => {
      await page.goto(`/search?intent=${encodeURIComponent(JSON.stringify(read))}`);
      await chip(page, text).locator('.name').click();
      return page.locator('.intent form');
    };
    const done = async (form: ReturnType<Page['locator']>, text: string, box: string) => {
      await form.locator('button.button').click();
      await chip(page, text).first().waitFor();
      expect((await says(page)).box).toContain(box);
    };
    for (const [text, choose, then, box] of [
      ['Drama', 'thriller', 'Thriller', 'thriller'], ['tense', 'dark', 'dark', 'dark'], ['films', 'tv_show', 'series', 'series'], ['Netflix', 'netflix', 'Netflix', 'on Netflix'],
      ['English', 'fr', 'French', 'in French'], ['France', 'GB', 'United Kingdom', 'from United Kingdom'],
    ] as const) {
      const form = await open(text);
      await form.locator(`select[data-value] option[value="${choose}"]`).waitFor({ state: 'attached' });
      await form.locator('select[data-value]').selectOption(choose);
      await done(form, then, box);
    }
    let form = await open('1970');
    await form.locator('input[name="from"]').fill('1980');
    await form.locator('input[name="to"]').fill('1989');
    await done(form, '1980–1989', '1980s');
    form = await open('2 hr 30 min');
    await form.locator('input[name="minutes"]').fill('100');
    await done(form, '1 hr 40 min', 'under 100 minutes');
    form = await open('words:');
    await form.locator('input').fill('lighthouse');
    await done(form, 'lighthouse', 'lighthouse');
    form = await open('Ada Wren');
    await form.locator('select').selectOption('only');
    await form.locator('button.button').click();
    await page.waitForFunction(() => !document.querySelector('.intent')?.textContent?.includes('Bo Finch'));
    // Of an example only one that is here.
    await page.goto('/search?q=films+like+Crooked+Mile');
    await chip(page, 'like Crooked Mile').locator('.name').click();
    await page.locator('.intent form input').fill('moth seas');
    await page.locator('.intent form li button', { hasText: 'Moth Season' }).click();
    await chip(page, 'like Moth Season').waitFor();
    await settled(page);
    expect(await lines(page).count()).toBeGreaterThan(0);
  });

  it('keeps the arrows of a remote in its editor until it is left', async () => {
    const { page } = await visit({ viewport: SIZES.tv, prefs: { layout: 'tv' } });
    await page.goto('/search?q=films+with+Bo+Finch');
    await chip(page, 'Bo Finch').locator('.name').click();
    await page.locator('.intent form input').waitFor();
    const inside = () => page.evaluate(() => !!document.activeElement?.closest('.intent form'));
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowUp', 'ArrowRight', 'ArrowLeft']) {
      await page.keyboard.press(key);
      expect(await inside(), key).toBe(true);
    }
    await page.keyboard.press('Escape');
    expect(await focused(page)).toContain('Bo Finch');
    await page.keyboard.press('ArrowDown');
    expect(await inside()).toBe(false);
  });

  it('is not changed by an editor that was left while it looked a name up', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=films+with+Bo+Finch');
    await chip(page, 'Bo Finch').locator('.name').click();
    const value = page.locator('.intent form input');
    let release = () => undefined as void;
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/autocomplete?**', async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await value.fill('Otto Bly');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('.intent form'));
    release();
    await page.waitForTimeout(400);
    expect(await page.locator('.intent').innerText()).toContain('Bo Finch');
    expect(page.url()).not.toContain('Otto');
    expect(troubles).toEqual([]);
  });

  it('fits its editor on a phone, and on a TV', async () => {
    for (const options of [{ viewport: { width: 320, height: 640 } }, { viewport: SIZES.tv, prefs: { layout: 'tv' } }]) {
      const { page } = await visit(options);
      await page.goto('/search?q=90s+thriller+films+with+Bo+Finch+on+netflix+under+two+hours');
      const names = page.locator('.intent .name');
      await names.first().waitFor();
      for (let at = 0; at < (await names.count()); at++) {
        await names.nth(at).click();
        const form = (await page.locator('.intent form').boundingBox())!;
        expect(form.x).toBeGreaterThanOrEqual(0);
        expect(form.x + form.width).toBeLessThanOrEqual(options.viewport.width);
        await page.keyboard.press('Escape');
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    }
  });

  it('that is removed takes its words out of the box, the title and the address, to the last', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=90s+films+by+Nora+Vance');
    const removes = page.locator('.intent .remove');
    await removes.first().waitFor();
    await chip(page, '1990').locator('.remove').click();
    await page.waitForFunction(() => !document.querySelector('.intent')?.textContent?.includes('1990'));
    const after = await says(page);
    expect(new Set(Object.values(after)).size, JSON.stringify(after)).toBe(1);
    expect(after.box).toBe('films with Nora Vance');
    // What was typed at first is not lost.
    await page.locator('.intent .link').click();
    await chip(page, '1990').waitFor();
    expect((await says(page)).box).toBe('90s films by Nora Vance');
    for (let left = await removes.count(); left > 0; left--) {
      await removes.first().click();
      await page.waitForFunction((most) => document.querySelectorAll('.intent .remove').length < most, left);
      await settled(page);
    }
    expect(await says(page)).toEqual({ box: '', title: 'Results', heading: '', address: '' });
    expect(page.url()).toBe(`${base()}/search`);
    expect(await lines(page).count()).toBeGreaterThan(0);
    // An address in which words and chips say different things: the chips hold.
    const intent = { text: '', like: [], people: ['Ada Wren'], genres: [], content_types: ['movie'], platforms: [] };
    await page.goto(`/search?q=something+else&intent=${encodeURIComponent(JSON.stringify(intent))}`);
    await page.waitForURL(/q=films\+with\+Ada\+Wren/);
    expect((await says(page)).box).toBe('films with Ada Wren');
    expect(troubles).toEqual([]);
  });
});

describe('a doubt', () => {
  it.each([
    ['en', 'movies like Zyzzyx', /^Nothing here knows “like Zyzzyx”\. Can you say it in other words\?$/],
    ['ar', 'movies like Zyzzyx', /^لا شيء هنا يعرف «\u2068like Zyzzyx\u2069»/],
    ['en-XA', 'movies like Zyzzyx', /^Ñöţĥîñĝ ĥéŕé ķñöŵš “~+like Zyzzyx”.*~$/],
    ['en', 'horror but not horror', /^Your words ask for Horror and against it\./],
    ['ar', 'horror but not horror', /^تطلب كلماتك \u2068رعب\u2069/],
  ])('is asked about in the reader’s language: %s, %s', async (locale, q, question) => {
    const { page, troubles } = await visit({ prefs: { locale } });
    await page.goto(`/search?q=${encodeURIComponent(q)}`);
    const asked = page.locator('.unsure');
    await asked.waitFor();
    expect((await asked.innerText()).trim()).toMatch(question);
    expect(await asked.locator('[lang="en"]').count()).toBe(0);
    expect(troubles).toEqual([]);
  });
});
