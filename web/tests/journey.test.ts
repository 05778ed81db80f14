/** The first minute of a person: look around, search, refine, open a title, go on to a similar one, and come back. */
import { describe, expect, it } from 'vitest';
import { accessible, idOf, lines, scrolled, settled, titles, useBrowser, visit } from './browser';

useBrowser();

describe('the first minute', () => {
  it('goes from the start page over search, facet and title to a similar one, and back with scroll and focus', async () => {
    const { page, troubles } = await visit();
    await page.goto('/');
    const row = page.locator('main section').first();
    await row.locator('li a').first().waitFor();
    expect(await row.locator('.reason').innerText()).not.toBe('');
    // A row is a search: its heading leads there.
    const heading = row.locator('h2 a');
    await heading.click();
    await page.waitForURL(/\/search\?/);
    await lines(page).first().waitFor();

    await page.fill('#box', 'films by Nora Vance');
    await page.waitForURL(/q=films\+by\+Nora\+Vance/);
    await settled(page);
    await page.waitForFunction(() => document.querySelector('#results li.line h2')?.textContent && document.querySelector('#results .count')?.textContent?.includes('ms'));
    expect(await titles(page)).toEqual(expect.arrayContaining(['Crooked Mile', 'Signals from Pale Street']));

    // A facet narrows, its count told how far, and the address holds it.
    const decade = page.locator('.decades button[aria-label^="1990s"]');
    await decade.first().click();
    await page.waitForURL(/from=1990&to=1999/);
    await settled(page);
    const found = await titles(page);
    expect(found).toContain('Crooked Mile');
    expect(found).not.toContain('Slow Train to Aldermoor');

    const link = page.locator('#results li.line a', { hasText: 'Crooked Mile' });
    await link.scrollIntoViewIfNeeded();
    const id = await link.getAttribute('id');
    await link.focus();
    const before = await page.evaluate(() => scrollY);
    await page.keyboard.press('Enter');
    await page.locator('main h1', { hasText: 'Crooked Mile' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
    await page.locator('main a', { hasText: 'Nora Vance' }).first().waitFor();

    const similar = page.locator('section', { has: page.locator('h2', { hasText: 'Similar titles' }) }).locator('li a').first();
    await similar.click();
    await page.waitForFunction(() => !document.querySelector('main h1')?.textContent?.includes('Crooked Mile'));
    await page.goBack();
    await page.locator('main h1', { hasText: 'Crooked Mile' }).waitFor();
    await page.goBack();
    await page.waitForFunction((wanted) => document.activeElement?.id === wanted, id);
    expect(Math.abs((await page.evaluate(() => scrollY)) - before)).toBeLessThan(3);
    expect(troubles).toEqual([]);
  });

  it('comes back to a list and a row as they were left, and so does whoever loads the page again', async () => {
    const { page } = await visit({ viewport: { width: 1280, height: 500 } });
    await page.goto('/search?type=movie');
    await lines(page).nth(19).waitFor();
    const link = page.locator('#results li.line h2 a').nth(9);
    await link.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    const top = () => link.evaluate((element) => element.getBoundingClientRect().top);
    const before = await top();
    await link.click();
    await page.locator('article').waitFor();
    await page.goBack();
    await page.waitForFunction(([at, was]) => Math.abs(document.querySelectorAll('#results li.line h2 a')[at!]!.getBoundingClientRect().top - was!) < 3, [9, before]);
    await page.waitForTimeout(300);
    await page.reload();
    await lines(page).nth(19).waitFor();
    await page.waitForFunction(([at, was]) => Math.abs(document.querySelectorAll('#results li.line h2 a')[at!]!.getBoundingClientRect().top - was!) < 3, [9, before]);

    await page.goto('/');
    const row = page.locator('main [data-row]').first();
    await row.locator('li').nth(11).waitFor({ state: 'attached' });
    await row.evaluate((element) => (element.scrollLeft = 300));
    const poster = row.locator('li a').nth(6);
    const id = await poster.getAttribute('id');
    const was = await row.evaluate((element) => element.scrollLeft);
    await poster.click();
    await page.locator('article').waitFor();
    await page.goBack();
    await page.waitForFunction((wanted) => document.activeElement?.id === wanted, id);
    expect(Math.abs((await row.evaluate((element) => element.scrollLeft)) - was)).toBeLessThan(3);
  });

  it('leads an address beyond the last page to the last', async () => {
    const { page } = await visit();
    await page.goto('/search?type=movie&page=9999');
    await page.waitForURL((url) => Number(url.searchParams.get('page')) < 50);
    await lines(page).first().waitFor();
  });

  it('keeps a search in its address: the same link shows the same to someone else', async () => {
    const one = await visit();
    await one.page.goto('/search?q=lighthouse&from=1970&to=1989');
    await settled(one.page);
    await lines(one.page).first().waitFor();
    const two = await visit({ prefs: { region: 'DE' } });
    await two.page.goto(one.page.url());
    await lines(two.page).first().waitFor();
    expect(await titles(two.page)).toEqual(await titles(one.page));
    expect(await two.page.inputValue('#box')).toBe('lighthouse');
  });

  it('shows offers here and there, samples as samples, and what is mine first', async () => {
    const { page } = await visit({ prefs: { region: 'US', services: ['netflix'] } });
    await page.goto('/search?q=Crooked+Mile');
    await page.locator('#results li.line a', { hasText: 'Crooked Mile' }).click();
    const rows = page.locator('table tbody tr');
    await rows.first().waitFor();
    expect(await rows.first().innerText()).toMatch(/Netflix/);
    expect(await rows.first().getAttribute('class')).toContain('mine');
    for (const row of await rows.all()) {
      const sample = (await row.getAttribute('class'))?.includes('sample') ?? false;
      expect((await row.innerText()).includes('sample')).toBe(sample);
      expect(await row.locator('a').count()).toBe(sample ? 0 : 1);
      expect(await row.locator('time').getAttribute('datetime')).toMatch(/^20\d\d-/);
      // How sure somebody is, where somebody looked; what was made up says so, and gives no figure.
      expect(await row.locator('td').last().innerText()).toMatch(sample ? /^generated$/ : /^(sure|likely|unsure), \d+%$/);
    }
    expect(await page.locator('table tbody tr.sample').count()).toBeGreaterThan(0);
    expect(await page.locator('table tbody tr:not(.sample)').count()).toBeGreaterThan(0);
    const elsewhere = page.locator('.others button').first();
    const place = (await elsewhere.innerText()).replace(/ \(.*/, '');
    await elsewhere.click();
    await page.locator('h2', { hasText: place }).waitFor();
  });

  it('leads from the people, the year and the genres of a title to what else they stand for', async () => {
    const { page } = await visit();
    await page.goto('/search?q=Crooked+Mile');
    await page.locator('#results li.line a', { hasText: 'Crooked Mile' }).click();
    for (const [name, address, other] of [['Nora Vance', /with=Nora\+Vance/, 'Slow Train to Aldermoor'], ['1992', /from=1990&to=1999/, 'Moth Season'], ['Thriller', /genre=thriller/, 'Glasshouse Nocturne']] as const) {
      await page.locator('article a', { hasText: name }).first().click();
      await page.waitForURL(address);
      await lines(page).first().waitFor();
      expect(await titles(page)).toEqual(expect.arrayContaining(['Crooked Mile', other]));
      await page.goBack();
      await page.locator('article').waitFor();
    }
  });

  it('asks each first question once: the head of the page asks it, and the app takes the answer', async () => {
    const { page } = await visit();
    const asked: string[] = [];
    page.on('request', (request) => /\/api\/v1\/(search|discover)(\?|$)/.test(request.url()) && asked.push(request.url().replace(/.*v1/, '')));
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    expect(asked).toEqual(['/search', '/discover?region=US&from=0&rows=4']);
  });

  it('finds what was misspelt', async () => {
    const { page } = await visit();
    await page.goto('/search?q=croked+mile');
    await settled(page);
    expect((await titles(page))[0]).toBe('Crooked Mile');
  });

  it('says what it corrected, and searches for what was typed when asked to', async () => {
    const { page } = await visit();
    await page.goto('/search?q=lighhouse+bishop');
    const said = page.locator('.corrected');
    await said.waitFor();
    expect(await said.innerText()).toContain('lighthouse instead of lighhouse');
    await accessible(page);
    await said.locator('button').click();
    await page.waitForURL(/intent=/);
    await page.locator('.corrected', { hasText: 'exactly what you typed' }).waitFor();
    expect(await page.inputValue('#box')).toBe('lighhouse bishop');
    await page.locator('.corrected button').click();
    await said.filter({ hasText: 'instead of' }).waitFor();
  });

  it('brings further rows when the end of the start page comes near, and keeps them on the way back', async () => {
    const { page } = await visit();
    const asked: string[] = [];
    page.on('request', (request) => request.url().includes('/discover') && asked.push(new URL(request.url()).searchParams.get('from')!));
    await page.goto('/');
    const rows = page.locator('main section h2 a[id^="row-"]');
    await rows.first().waitFor();
    expect(asked).toEqual(['0']);
    const all = await scrolled(page, [/Recently added on/, /Popular in/, /Popular from the \d{4}s/, /Directed by/]);
    expect(all).toBeGreaterThan(4);
    const last = rows.nth(all - 1);
    await last.click();
    await page.waitForURL(/\/search/);
    await page.goBack();
    await rows.nth(all - 1).waitFor();
    expect(await rows.count()).toBe(all);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('says how many seasons a series has, and how sharp an offer is', async () => {
    const { page } = await visit();
    await page.goto('/search?q=Harbour+Street');
    await page.locator('#results li.line a', { hasText: 'Harbour Street' }).click();
    await page.locator('article .line', { hasText: /\d seasons?/ }).waitFor();
    await page.goto('/search?q=Crooked+Mile');
    await page.locator('#results li.line a', { hasText: 'Crooked Mile' }).click();
    await page.locator('table tbody tr.sample .price small', { hasText: 'HD' }).first().waitFor();
  });

  it('opens a season to its episodes, by keyboard too, where the server listed it before', async () => {
    const id = await idOf('Harbour Street');
    const plain = await visit({ javaScriptEnabled: false });
    await plain.page.goto(`/title/${id}`);
    const served = (await plain.page.locator('.seasons li').allInnerTexts()).map((line) => line.replace(/\s+/g, ' ').trim());
    expect(served).toEqual(['The First Winter 2015 2 episodes', 'Season 2 2016']);

    const { page, troubles } = await visit();
    const asked: string[] = [];
    page.on('request', (request) => /\/seasons/.test(request.url()) && asked.push(request.url().replace(/.*\/seasons/, '')));
    await page.goto(`/title/${id}`);
    const rows = page.locator('.seasons details summary');
    await rows.first().waitFor();
    expect((await rows.allInnerTexts()).map((line) => line.replace(/\s+/g, ' ').trim())).toEqual(served);
    expect(asked).toEqual([]);
    await rows.first().focus();
    await page.keyboard.press('Enter');
    const episodes = page.locator('.seasons li').first().locator('ol li');
    await episodes.first().waitFor();
    expect(asked).toEqual(['/1']);
    expect(await episodes.count()).toBe(2);
    for (const fact of ['One Desk', 'Mar 1, 2015', '51 min', 'Two detectives are given one desk.']) expect(await episodes.first().innerText()).toContain(fact);
    await accessible(page);
    await page.keyboard.press('Enter');
    await episodes.first().waitFor({ state: 'hidden' });
    await rows.nth(1).click();
    await page.locator('.seasons li', { hasText: 'We know of no episode' }).waitFor();
    expect(troubles).toEqual([]);
  });

  it('offers the nearest that works where nothing is found', async () => {
    const { page } = await visit();
    await page.goto('/search?genre=western&from=1990&to=1999');
    const way = page.locator('.empty li a').first();
    await way.waitFor();
    await accessible(page);
    await way.click();
    await settled(page);
    expect(await lines(page).count()).toBeGreaterThan(0);
  });

  it('shows what is popular where words mean nothing', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=qwrtzpsdf');
    await page.locator('.empty h2', { hasText: 'Nothing matches these words' }).waitFor();
    await page.locator('#results ul[data-arrows] li a .poster').first().waitFor();
    await accessible(page);
    expect(troubles).toEqual([]);
  });

  it('works where no one filter is to blame: one thing by itself', async () => {
    const { page } = await visit();
    await page.goto('/search?genre=western&from=1930&to=1939&with=Nora+Vance');
    const ways = page.locator('.empty li a');
    await ways.first().waitFor();
    expect((await ways.allInnerTexts()).join()).toContain('Only “Nora Vance”');
    await ways.filter({ hasText: 'Nora Vance' }).click();
    await lines(page).first().waitFor();
    expect(await titles(page)).toContain('Crooked Mile');
  });

  it('neither flickers nor jumps while someone types, however late the answers are', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=light');
    await lines(page).first().waitFor();
    await page.locator('.straight a').first().waitFor();
    let turn = 0;
    // Every other answer is late, and so is every other suggestion.
    for (const what of ['search', 'search/autocomplete?**'])
      await page.route(`**/api/v1/${what}`, async (route) => {
        if (turn++ % 2) await new Promise((resolve) => setTimeout(resolve, 350));
        await route.continue().catch(() => undefined);
      });
    await page.evaluate(() => {
      const seen = { frames: 0, empty: 0, ghosts: 0, tops: new Set<number>(), twice: 0, on: true };
      Object.assign(window, { seen });
      const look = () => {
        const all = [...document.querySelectorAll('#results li.line h2 a')].map((link) => link.id);
        seen.frames += 1;
        if (!all.length) seen.empty += 1;
        if (document.querySelector('#results .ghost')) seen.ghosts += 1;
        if (new Set(all).size < all.length) seen.twice += 1;
        const list = document.querySelector('#results ol');
        if (list) seen.tops.add(Math.round(list.getBoundingClientRect().top));
        if (seen.on) requestAnimationFrame(look);
      };
      look();
    });
    await page.locator('#box').focus();
    await page.keyboard.press('End');
    await page.keyboard.type('house bishop', { delay: 140 });
    await settled(page);
    await page.waitForTimeout(500);
    const seen = await page.evaluate(() => {
      const { seen } = window as unknown as { seen: { frames: number; empty: number; ghosts: number; tops: Set<number>; twice: number; on: boolean } };
      seen.on = false;
      return { ...seen, tops: [...seen.tops] };
    });
    expect(seen.frames).toBeGreaterThan(20);
    expect(seen).toMatchObject({ empty: 0, ghosts: 0, twice: 0 });
    // The list stays where it is: rows change, their place does not.
    expect({ tops: seen.tops, moved: Math.max(...seen.tops) - Math.min(...seen.tops) > 2 }).toMatchObject({ moved: false });
    expect((await titles(page)).join()).toContain('Lighthouse');
    expect(troubles).toEqual([]);
  });

  it('does not move what someone aims at', async () => {
    const { page } = await visit();
    await page.goto('/search?q=lighthouse');
    await lines(page).first().waitFor();
    const before = await titles(page);
    // An answer that comes while the pointer moves over the list waits to be asked for.
    let release = () => undefined as void;
    const late = new Promise<void>((done) => (release = done));
    await page.route('**/api/v1/search', async (route) => {
      await late;
      await route.continue();
    });
    await page.fill('#box', 'harbour');
    const box = (await lines(page).first().boundingBox())!;
    for (let at = 0; at < 12; at++) {
      await page.mouse.move(box.x + 40 + at * 3, box.y + 20);
      if (at === 5) release();
      await page.waitForTimeout(90);
    }
    await page.locator('button.held').waitFor();
    expect(await titles(page)).toEqual(before);
    await page.locator('button.held').click();
    expect(await titles(page)).not.toEqual(before);
  });
});
