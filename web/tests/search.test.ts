/** A search as people turn it about: its order, its chips, an old address, and what is said while they type. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, base, idOf, lines, settled, SIZES, titles, total, useBrowser, visit } from './browser';

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

describe('the order', () => {
  it('of every kind of row is that of the list behind it, and can be seen and changed', async () => {
    const { page, troubles } = await visit();
    await page.goto('/');
    const rows = page.locator('main section', { has: page.locator('h2 a[id^="row-"]') });
    await rows.first().waitFor();
    for (let at = 0; at < 12; at++) {
      await page.mouse.wheel(0, 2_500);
      await page.waitForTimeout(120);
    }
    for (const [kind, order] of [['Popular', 'popular'], ['Recently added on', 'recently_added'], ['Popular in', 'popular'], ['Popular from the', 'popular'], ['Directed by', 'popular']]) {
      const row = rows.filter({ has: page.locator('h2', { hasText: kind }) }).first();
      const posters = row.locator('li a');
      await posters.nth(2).waitFor();
      const shown = await posters.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).pathname));
      const heading = row.locator('h2 a');
      await heading.click();
      await lines(page).nth(2).waitFor();
      await settled(page);
      const listed = await page.locator('#results li.line h2 a').evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).pathname));
      expect({ kind, listed: listed.slice(0, shown.length) }).toEqual({ kind, listed: shown });
      expect(await page.inputValue('#sort')).toBe(order);
      await page.goBack();
      await heading.waitFor();
    }
    await page.goto('/search?q=directed+by+Nora+Vance');
    await lines(page).first().waitFor();
    await page.selectOption('#sort', 'newest');
    await page.waitForURL(/sort=newest/);
    await settled(page);
    expect(await titles(page)).toEqual(['Slow Train to Aldermoor', 'The Accountant of Souls', 'Signals from Pale Street', 'Crooked Mile']);
    await accessible(page);
    const other = await visit();
    await other.page.goto(page.url());
    await lines(other.page).first().waitFor();
    expect(await titles(other.page)).toEqual(await titles(page));
    expect(await other.page.inputValue('#sort')).toBe('newest');
    await page.selectOption('#sort', 'relevance');
    await page.waitForURL((url) => !url.searchParams.has('sort'));
    expect(troubles).toEqual([]);
  });
});

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

describe('a row of a service', () => {
  it('says of each title what that service asks for it', async () => {
    const { page } = await visit();
    await page.goto('/');
    const rows = page.locator('main section', { has: page.locator('h2', { hasText: 'Recently added on' }) });
    await rows.first().locator('li').first().waitFor();
    for (const row of await rows.all()) {
      const service = (await row.locator('h2').innerText()).replace(/^Recently added on /, '').replace(/[ →]+$/, '');
      for (const said of await row.locator('li ul.terse').allInnerTexts()) expect(said).toContain(service);
    }
  });
});

describe('a count', () => {
  it('says what it counts: what has all of it, and what only comes near', async () => {
    const { page } = await visit();
    const said = page.locator('#results .count > span');
    const after = async (path: string) => (await page.goto(path), await lines(page).first().waitFor(), await said.innerText());
    expect(await after('/search?q=directed+by+Nora+Vance')).toMatch(/^4 titles( fit, \d+ come near)? in /);
    expect(await after('/search?q=directed+by+Nora+Vance&sort=newest')).toMatch(/^4 titles in /);
    expect(await after('/search?q=films+directed+by+Bo+Finch')).toMatch(/^No title fits all of it, \d+ come near in /);
    expect(await after('/search?q=films+like+Crooked+Mile')).toMatch(/^\d+ titles come near in /);
    await page.waitForFunction(() => /titles come near/.test(document.querySelector('main [role="status"]')?.textContent ?? ''));
  });

  it('of an empty page names the part of the words to drop', async () => {
    const { page } = await visit();
    await page.goto('/search?q=films+by+Nora+Vance+from+the+1930s');
    const way = page.locator('.empty li', { hasText: '1930' }).locator('a');
    await way.waitFor();
    expect(await page.locator('.empty h2').innerText()).toBe('Nothing matches all of this');
    await way.click();
    await lines(page).first().waitFor();
    expect(await page.locator('#box').inputValue()).not.toContain('1930');
    expect((await page.locator('#results li.line h2').allInnerTexts()).join()).toContain('Slow Train to Aldermoor');
  });

  it('beside a filter is what the filter leaves, and that of an empty page what its link brings', async () => {
    const { page } = await visit();
    await page.goto('/search?q=films');
    await lines(page).first().waitFor();
    const everything = await total(page);
    const genre = page.locator('aside fieldset', { has: page.locator('legend', { hasText: 'Genre' }) }).locator('label').first();
    const told = Number(await genre.locator('.count').innerText());
    expect(told).toBeLessThan(everything);
    await genre.locator('input').check();
    await page.waitForURL(/genre=/);
    await settled(page);
    expect(await total(page)).toBe(told);

    await page.goto('/search?genre=western&from=1990&to=1999');
    const way = page.locator('.empty li').first();
    await way.waitFor();
    const promised = Number(/(\d+) titles?/.exec(await way.innerText())![1]);
    await way.locator('a').click();
    await lines(page).first().waitFor();
    await settled(page);
    expect(await total(page)).toBe(promised);
  });
});

describe('an empty page', () => {
  it('asks one thing after the other, and claims nothing where it is not answered', async () => {
    const { page, troubles } = await visit();
    let [asked, open, most] = [0, 0, 0];
    await page.route('**/api/v1/search', async (route) => {
      [asked, open] = [asked + 1, open + 1];
      most = Math.max(most, open);
      // Whoever asks so often is turned away.
      if (asked > 4) await route.fulfill({ status: 429, contentType: 'application/json', headers: { 'retry-after': '60' }, body: '{}' });
      else await route.continue();
      open -= 1;
    });
    await page.goto('/search?genre=western&from=1930&to=1939&with=Nora+Vance');
    await page.locator('.empty a', { hasText: 'Everything in the catalogue' }).waitFor();
    await page.waitForFunction(() => !document.querySelector('.empty')?.textContent?.includes('Looking for'));
    expect(await page.locator('.empty li').count()).toBe(0);
    expect(await page.locator('.empty').innerText()).not.toContain('nothing near it');
    expect(await page.locator('.notice').count()).toBe(0);
    expect([asked, most]).toEqual([5, 1]);
    await accessible(page);
    expect(troubles).toEqual([]);
  });
});

describe('an old address', () => {
  it('loses what no longer is, says so, and shows the rest', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=harbour&genre=film_noir_revival,drama&on=filmstrip&lang=klingonese');
    const said = page.locator('.told [role="status"]');
    await said.filter({ hasText: 'are no longer listed' }).waitFor();
    await settled(page);
    for (const name of ['film noir revival', 'Filmstrip', 'klingonese']) expect(await said.innerText()).toContain(name);
    expect(await lines(page).count()).toBeGreaterThan(0);
    expect(page.url()).toBe(`${base()}/search?q=harbour&genre=drama`);
    expect(await page.locator('.notice').count()).toBe(0);
    expect(await page.locator('#f-genres-drama').isChecked()).toBe(true);
    await accessible(page);
    // It is said of this search, and of no other.
    await page.locator('#f-genres-drama').click();
    await settled(page);
    expect(await said.count()).toBe(0);
    // So it is with chips, and with what cannot be read at all.
    const intent = { text: 'harbour', like: ['A Film That Was Taken Out'], people: [], genres: [], content_types: [], platforms: [] };
    await page.goto(`/search?q=x&intent=${encodeURIComponent(JSON.stringify(intent))}`);
    await said.filter({ hasText: '“A Film That Was Taken Out” is no longer listed' }).waitFor();
    await page.goto(`/search?q=harbour&intent=${encodeURIComponent(JSON.stringify({ ...intent, like: [], colour: 'red' }))}`);
    await said.filter({ hasText: 'can no longer be read' }).waitFor();
    await lines(page).first().waitFor();
    expect(troubles).toEqual([]);
  });

  it('says what it asks for that nobody can read, and a page that is not there', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=harbour&from=soon&sort=hot&page=-4&utm_source=mail');
    const said = page.locator('.told [role="status"]');
    await said.waitFor();
    expect(await said.innerText()).toBe("The address says “soon”, “-4”, “hot”, which can't be read; the rest of it stands.");
    await lines(page).first().waitFor();
    expect(page.url()).toBe(`${base()}/search?q=harbour`);
    await accessible(page);
    await page.goto('/search?type=movie&page=9999');
    await said.filter({ hasText: 'There is no page 9,999; this is the last.' }).waitFor();
    await lines(page).first().waitFor();
    // So does the page without script.
    const plain = await visit({ javaScriptEnabled: false });
    await plain.page.goto('/search/plain?q=harbour&from=soon&sort=hot&page=-4&utm_source=mail');
    expect(await plain.page.locator('main').innerText()).toContain("The address says “soon”, “-4”, “hot”, which can't be read; the rest of it stands.");
    expect(troubles).toEqual([]);
  });

  it('says it in the reader’s language, and a place that nobody knows is not asked for', async () => {
    const { page } = await visit({ prefs: { locale: 'ar', region: 'ZZ' } });
    await page.goto('/search?on=filmstrip&here=1');
    const said = page.locator('.told [role="status"]');
    await said.waitFor();
    expect(await said.innerText()).toMatch(/لم يعد .*Filmstrip.* مدرجا/);
    await lines(page).first().waitFor();
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
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

describe('while someone types', () => {
  it('the first letters of a word find what begins so', async () => {
    const { page } = await visit();
    await page.goto('/search?q=crooked');
    await lines(page).first().waitFor();
    await page.evaluate(() => {
      const seen = { empty: 0 };
      Object.assign(window, { seen });
      new MutationObserver(() => void (document.querySelector('.empty') && (seen.empty += 1))).observe(document.body, { childList: true, subtree: true });
    });
    await page.fill('#box', '');
    await page.locator('#box').pressSequentially('crooked', { delay: 350 });
    await settled(page);
    expect((await titles(page))[0]).toBe('Crooked Mile');
    expect(await page.evaluate(() => (window as unknown as { seen: { empty: number } }).seen.empty)).toBe(0);
    await page.goto('/search?q=cr');
    await lines(page).first().waitFor();
    expect(await titles(page)).toContain('Crooked Mile');
  });

  const QUERIES = [['harbour', '.straight a'], ['lighhouse bishop', '.corrected'], ['harbour xqzzvw plkjhg', '.unsure']] as const;

  it('nothing moves the list that is said above it: unsure, corrected, or neither', async () => {
    const { page } = await visit();
    const tops: Record<string, number> = {};
    for (const [q, what] of QUERIES) {
      await page.goto(`/search?q=${encodeURIComponent(q)}`);
      await lines(page).first().waitFor();
      await page.locator(what).first().waitFor();
      tops[q] = (await page.locator('#results ol').boundingBox())!.y;
    }
    expect(Math.max(...Object.values(tops)) - Math.min(...Object.values(tops)), JSON.stringify(tops)).toBeLessThan(2);
  });

  it.each([['en', 320], ['ar', 320], ['en', 390], ['ar', 390], ['ar', 768]])('what is said of an answer fits the room that is kept for it: in %s, on %i pixels', async (locale, width) => {
    const { page } = await visit({ viewport: { width, height: 740 }, prefs: { locale } });
    const rooms: Record<string, number> = {};
    for (const [q, what] of QUERIES) {
      await page.goto(`/search?q=${encodeURIComponent(q)}`);
      await page.locator(what).first().waitFor();
      rooms[q] = (await page.locator('.told').boundingBox())!.height;
    }
    expect(Math.max(...Object.values(rooms)) - Math.min(...Object.values(rooms)), JSON.stringify(rooms)).toBeLessThan(1);
  });
});

describe('while someone looks', () => {
  it.each([320, 390, 1440])('nothing that comes late moves the list: a part that is missing, patience, a fault; on %i pixels', async (width) => {
    const { page, troubles } = await visit({ viewport: { width, height: 740 } });
    await page.goto('/search?q=harbour');
    await lines(page).nth(2).waitFor();
    await page.locator('.straight a').first().waitFor();
    const top = async () => Math.round((await page.locator('#results ol').boundingBox())!.y);
    const before = await top();
    const partial = page.locator('#results .partial', { hasText: 'Part of the search did not answer (meaning, people and genres)' });
    await page.route('**/api/v1/search', async (route) => {
      const answer = await route.fetch();
      const body = { ...((await answer.json()) as object), degraded: ['vector', 'graph'].map((source) => ({ source, reason: 'a sentence' })) };
      await route.fulfill({ response: answer, json: body });
    });
    await page.selectOption('#sort', 'newest');
    await partial.waitFor();
    await settled(page);
    expect(await top()).toBe(before);
    await accessible(page);

    await page.unroute('**/api/v1/search');
    let release = () => undefined as void;
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/api/v1/search', async (route) => {
      await held;
      await route.abort();
    });
    await page.selectOption('#sort', 'popular');
    await page.locator('.told', { hasText: 'This takes longer than usual. What you see is the answer before.' }).waitFor();
    expect(await top()).toBe(before);
    release();
    const notice = page.locator('.notice', { hasText: 'does not answer' });
    await notice.waitFor();
    expect(await top()).toBe(before);
    // It stands in the window, whose list goes on above it.
    const box = (await notice.boundingBox())!;
    expect(box.y + box.height).toBeLessThanOrEqual(740);
    expect(box.y).toBeGreaterThan(740 / 2);
    await accessible(page);
    await page.locator('#results li.line h2 a').last().focus();
    const line = (await lines(page).last().boundingBox())!;
    expect(line.y + line.height).toBeLessThanOrEqual((await notice.boundingBox())!.y + 1);
    expect(troubles).toEqual([]);
  });

  it('says that the first answer is late too', async () => {
    const { page } = await visit();
    await page.route('**/api/v1/search', () => undefined);
    await page.goto('/search?q=harbour');
    await page.locator('.told', { hasText: 'This takes longer than usual.' }).waitFor();
    expect(await page.locator('.told').innerText()).not.toContain('the answer before');
  });
});

describe('a part of the API that is down', () => {
  it('says that similar titles are missing, and brings them when asked again', async () => {
    const { page } = await visit();
    const id = await idOf('Crooked Mile');
    await page.route('**/similar*', (route) => route.fulfill({ status: 503, contentType: 'application/json', headers: { 'retry-after': '60' }, body: '{}' }));
    await page.goto(`/title/${id}`);
    const section = page.locator('section', { has: page.locator('h2', { hasText: 'Similar titles' }) });
    await section.locator('.notice', { hasText: 'does not answer' }).waitFor();
    await accessible(page);
    await page.unroute('**/similar*');
    await section.locator('button').click();
    await section.locator('li a').first().waitFor();
    expect(await section.locator('.notice').count()).toBe(0);
  });

  it('leaves services their names', async () => {
    const { page } = await visit();
    await page.route('**/api/v1/platforms*', (route) => route.abort());
    const some = ['apple_tv_plus', 'netflix', 'bbc_iplayer', 'prime_video'];
    const row = { id: 'x', title: 'x', reason: 'x', search: {}, items: some.map((platform, at) => ({
      id: `00000000-0000-7000-8000-00000000000${at}`, title: platform, content_type: 'movie', genres: [], countries: [], credits: [], locale: 'en', overflow: false,
      offers: [{ platform, region: 'US', availability_type: 'subscription', quality: null, price: null, source: 'x' }],
    })) };
    await page.route('**/api/v1/discover*', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ rows: [row], total: 1 }) }));
    await page.goto('/');
    await page.locator('main section li a').nth(3).waitFor();
    const shown = await page.locator('main section ul[data-row]').innerText();
    for (const name of ['Apple TV+', 'Netflix', 'BBC iPlayer', 'Prime Video']) expect(shown).toContain(name);
  });
});
