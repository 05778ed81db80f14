/** A search as people turn it about: its order, an old address, and what is said while they type. */
import { describe, expect, it } from 'vitest';
import { accessible, base, idOf, lines, scrolled, settled, titles, total, useBrowser, visit } from './browser';

useBrowser();

describe('the order', () => {
  it('of every kind of row is that of the list behind it, and can be seen and changed', async () => {
    const { page, troubles } = await visit();
    await page.goto('/');
    const rows = page.locator('main section', { has: page.locator('h2 a[id^="row-"]') });
    await rows.first().waitFor();
    await scrolled(page, [/Recently added on/, /Popular in/, /Popular from the/, /Directed by/]);
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
