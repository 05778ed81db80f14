/** What happens when things go wrong: each fault has a designed answer, and what was there stays. */
import { request as http } from 'node:http';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, base, lines, settled, titles, useBrowser, visit } from './browser';

useBrowser();

/** Answers the API's search with something else; the page itself comes from the node. */
const broken = (page: Page, answer: { status?: number; body?: string; headers?: Record<string, string> } | 'abort') =>
  page.route('**/api/v1/search', (route) => (answer === 'abort' ? route.abort() : route.fulfill({ contentType: 'application/json', ...answer })));
const problem = (status: number, code: string) => JSON.stringify({ type: `/problems/${code}`, title: 'x', status, code, detail: 'a sentence', trace_id: 'a'.repeat(32) });

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const call = http(`${base()}${path}`, { headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => (body += part)).on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body }));
    });
    call.on('error', reject).end();
  });
}

async function idOf(q: string): Promise<string> {
  const answer = await fetch(`${base()}/api/v1/search?q=${encodeURIComponent(q)}&page_size=1`);
  return ((await answer.json()) as { results: { content: { id: string } }[] }).results[0]!.content.id;
}

describe('the API', () => {
  it.each([
    ['is down', 'abort' as const, 'The server does not answer'],
    ['says 503', { status: 503, body: problem(503, 'unavailable') }, 'The server does not answer'],
    ['says 429', { status: 429, body: problem(429, 'too_many'), headers: { 'retry-after': '90' } }, 'Too many questions'],
    ['talks nonsense', { body: '{"results": 7' }, 'makes no sense'],
    ['talks another nonsense', { body: '[]' }, 'makes no sense'],
    ['refuses', { status: 400, body: problem(400, 'bad') }, 'refuses this question'],
  ])('%s: what was there stays, and a sentence says what happened', async (_, answer, sentence) => {
    const { page } = await visit();
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    const before = await titles(page);
    await broken(page, answer);
    await page.fill('#box', 'lighthouse');
    const notice = page.locator('.notice');
    await notice.waitFor();
    expect(await notice.innerText()).toContain(sentence);
    expect(await titles(page)).toEqual(before);
    if (sentence.startsWith('Too many')) expect(await notice.innerText()).toMatch(/again in (90|[78]\d) second/);
    await accessible(page);
    // Once it is back, it goes on.
    await page.unroute('**/api/v1/search');
    if (sentence.includes('refuses')) return;
    await notice.locator('button').click();
    await page.waitForFunction(() => !document.querySelector('.notice'));
    expect(await titles(page)).not.toEqual(before);
  });

  it.each(['{"rows":[{"a":1}],"total":1}', '{"rows":[{"id":"x","title":"x","reason":"x","search":{},"items":[{"id":"1","title":"x"}]}],"total":1}'])('gives rows that are none: %s', async (body) => {
    const { page, troubles } = await visit();
    await page.route('**/api/v1/discover*', (route) => route.fulfill({ contentType: 'application/json', body }));
    await page.goto('/');
    await page.locator('.notice', { hasText: 'makes no sense' }).waitFor();
    expect(troubles).toEqual([]);
  });

  it('comes back by itself', async () => {
    const { page } = await visit();
    let asked = 0;
    await page.route('**/api/v1/discover*', (route) => (++asked < 2 ? route.abort() : route.continue()));
    await page.goto('/');
    await page.locator('.notice').waitFor();
    await page.locator('main section li a').first().waitFor();
    expect(await page.locator('.notice').count()).toBe(0);
  });

  it('is slow: a line at once, a sentence after three seconds, and the old results until then', async () => {
    const { page } = await visit();
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    const before = await titles(page);
    let release = () => undefined as void;
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/api/v1/search', async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await page.fill('#box', 'lighthouse');
    await page.locator('.progress.on').waitFor();
    expect(await titles(page)).toEqual(before);
    await page.getByText('This takes longer than usual').waitFor();
    await accessible(page);
    release();
    // Where that took so long that the page gave up, it asks again by itself.
    await expect.poll(() => titles(page), { timeout: 25_000 }).not.toEqual(before);
  });

  it('answers late and out of order: the last question wins', async () => {
    const { page } = await visit();
    await page.goto('/search?q=x');
    await settled(page);
    await page.route('**/api/v1/search', async (route) => {
      if (route.request().postData()?.includes('"lighthouse"')) await new Promise((resolve) => setTimeout(resolve, 1_200));
      await route.continue().catch(() => undefined);
    });
    await page.fill('#box', 'lighthouse');
    await page.waitForTimeout(250);
    await page.fill('#box', 'crooked mile');
    await page.waitForFunction(() => document.querySelector('#results li.line h2')?.textContent === 'Crooked Mile');
    await page.waitForTimeout(1_300);
    expect((await titles(page))[0]).toBe('Crooked Mile');
  });
});

describe('addresses', () => {
  it('of titles that are gone say so, with a way on, and as 404', async () => {
    for (const path of ['/title/01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed', '/title/tt0113277', '/title/%E0%A4%A', '/title/%ff']) {
      const { page, troubles } = await visit();
      const answer = await page.goto(path);
      expect([path, answer!.status(), answer!.headers()['content-type']]).toEqual([path, 404, 'text/html; charset=utf-8']);
      await page.locator('h1', { hasText: 'not in the catalogue' }).waitFor();
      await page.locator('main a.button', { hasText: 'start page' }).waitFor();
      expect(troubles).toEqual([]);
    }
  });

  it('of last year are understood as far as they go', async () => {
    const { page, troubles } = await visit();
    await page.goto('/search?q=harbour&sort=hot&genre=film_noir_revival&utm_source=mail&from=soon&intent={broken');
    await settled(page);
    await page.locator('.told [role="status"]', { hasText: 'film noir revival is no longer listed' }).waitFor();
    await settled(page);
    expect(await lines(page).count()).toBeGreaterThan(0);
    await page.goto('/movies/harbour-of-glass');
    await page.locator('main a', { hasText: 'harbour of glass' }).click();
    await lines(page).first().waitFor();
    expect((await titles(page))[0]).toBe('Harbour of Glass');
    expect(troubles).toEqual([]);
  });

  it('that nobody serves are problems for programs and pages for people', async () => {
    const program = await get('/nope');
    expect([program.status, program.headers['content-type']]).toEqual([404, 'application/problem+json']);
    const person = await get('/nope', { accept: 'text/html,*/*;q=0.8' });
    expect([person.status, person.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    const mistyped = await get('/movies/%ff', { accept: 'text/html' });
    expect([mistyped.status, mistyped.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect((await get('/api/v1/nope', { accept: 'text/html' })).headers['content-type']).toBe('application/problem+json');
  });
});

describe('motion', () => {
  it('is none for those who asked for none', async () => {
    for (const reducedMotion of ['reduce', 'no-preference'] as const) {
      const { page } = await visit({ reducedMotion });
      await page.goto('/search?q=harbour');
      await lines(page).first().waitFor();
      // It moves for as long as nobody answers, which nobody does.
      await page.route('**/api/v1/search', () => undefined);
      await page.fill('#box', 'lighthouse');
      await page.locator('.progress.on').waitFor();
      const moving = await page.evaluate(() => document.getAnimations().length);
      expect(moving > 0).toBe(reducedMotion === 'no-preference');
    }
  });
});

describe('odd words', () => {
  it('are searched like others: emoji, 2000 letters, markup, another script', async () => {
    const { page, troubles } = await visit();
    for (const q of ['🎉', 'a'.repeat(2_000), '<img src=x onerror=alert(1)>', 'رسائل من البحر', '%00"\'\\']) {
      await page.goto(`/search?q=${encodeURIComponent(q)}`);
      await settled(page);
      expect(await page.locator('.notice').count()).toBe(0);
      expect(await page.inputValue('#box')).toBe(q);
    }
    expect(await page.locator('img:not([src^="/api/v1/images/"])').count()).toBe(0);
    expect(troubles).toEqual([]);
  });
});

describe('two tabs', () => {
  it('share what was chosen', async () => {
    const { page, context } = await visit();
    await page.goto('/');
    const other = await context.newPage();
    await other.goto('/');
    await other.locator('.place').click();
    await other.selectOption('#preferences select >> nth=0', 'FR');
    await page.locator('.place', { hasText: 'France' }).waitFor();
  });

  it('survive what another program left in the storage', async () => {
    const { page, troubles } = await visit();
    await page.addInitScript(() => {
      localStorage.setItem('mg.prefs', '{"region":7,"services":"x","locale":"tlh","theme":[]');
      localStorage.setItem('mg.seen', '{"a":1}');
    });
    await page.goto('/');
    await page.locator('main section li a').first().waitFor();
    expect(troubles).toEqual([]);
  });
});

describe('without script', () => {
  it('the page of a title says its facts, as text and as linked data', async () => {
    const { page } = await visit({ javaScriptEnabled: false });
    const id = await idOf('Crooked Mile');
    await page.goto(`/title/${id}`);
    expect(await page.locator('h1').innerText()).toBe('Crooked Mile');
    const text = await page.locator('main').innerText();
    for (const fact of ['1992', '1 hr 45 min', 'Nora Vance', 'A getaway driver', 'Netflix', 'sample', 'generated', 'United States']) expect(text).toContain(fact);
    expect(text).toMatch(/(sure|likely|unsure), \d+%/);
    const data = JSON.parse((await page.locator('script[type="application/ld+json"]').textContent())!);
    expect(data).toMatchObject({ '@context': 'https://schema.org', '@type': 'Movie', name: 'Crooked Mile', datePublished: '1992', duration: 'PT105M', director: [{ '@type': 'Person', name: 'Nora Vance' }] });
    expect(JSON.stringify(data)).not.toContain('sample');
  });

  it('a person and a form lead to results, page by page, and each to its title', async () => {
    const { page } = await visit({ javaScriptEnabled: false });
    await page.goto(`/title/${await idOf('Crooked Mile')}`);
    await page.locator('a', { hasText: 'Nora Vance' }).first().click();
    await page.waitForURL(/\/search\/plain\?with=Nora/);
    const results = page.locator('main ol li a');
    expect((await results.allInnerTexts()).sort()).toEqual(['Crooked Mile', 'Signals from Pale Street', 'Slow Train to Aldermoor', 'The Accountant of Souls']);
    await results.filter({ hasText: 'Slow Train' }).click();
    expect(await page.locator('h1').innerText()).toBe('Slow Train to Aldermoor');

    await page.goto('/');
    await page.fill('#plain-q', 'films');
    await page.locator('button').click();
    await page.waitForURL(/\/search\/plain\?q=films/);
    expect(await page.locator('h1').innerText()).toBe('Results: films');
    const first = await results.allInnerTexts();
    expect(first.length).toBe(20);
    await page.locator('a[rel="next"]').click();
    await page.locator('a[rel="prev"]').waitFor();
    const second = await results.allInnerTexts();
    expect(second.length).toBeGreaterThan(5);
    expect(first.filter((title) => second.includes(title))).toEqual([]);
    expect(await page.locator('ol').getAttribute('start')).toBe('21');
    const gone = await page.goto('/search/plain?q=harbour&genre=film_noir_revival');
    expect(gone!.status()).toBe(400);
    expect(await page.locator('main').innerText()).toContain('its words alone');
    expect(await results.count()).toBeGreaterThan(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    // Where there is script it is the same search in the app.
    const app = await visit();
    await app.page.goto('/search/plain?q=harbour');
    await lines(app.page).first().waitFor();
    expect(app.page.url()).toBe(`${base()}/search?q=harbour`);
    expect(app.troubles).toEqual([]);
  });

  it('and the app takes over without asking for what it shows', async () => {
    const { page, troubles } = await visit();
    const id = await idOf('Crooked Mile');
    // Whatever is asked for later is for the service worker.
    await page.route(`**/api/v1/content/${id}`, (route) => route.abort());
    await page.goto(`/title/${id}`);
    await page.locator('article .poster').waitFor();
    expect(await page.locator('main h1').innerText()).toBe('Crooked Mile');
    expect(await page.locator('.notice').count()).toBe(0);
    expect(troubles).toEqual([]);
  });

  // What the browser asks for, what was chosen before, what the page is in, and what is to be read in it.
  it.each([
    ['en-GB', undefined, 'en', 'ltr', ['Film', '1 hr 45 min', 'Directed by', 'Where to watch', 'United States', 'Countries']],
    ['ar-EG', undefined, 'ar', 'rtl', ['فيلم', 'إخراج', 'أين يُشاهد', 'الولايات المتحدة', 'إثارة', 'عيّنة', 'مولّد']],
    ['en-US', 'ar', 'ar', 'rtl', ['فيلم', 'البلدان']],
    ['ar-EG', 'en', 'en', 'ltr', ['Film']],
    ['en-US', 'en-XA', 'en-XA', 'ltr', ['Ƒîļɱ~', 'Ðîŕéçţéð ƀý~']],
    ['fr-FR', undefined, 'en', 'ltr', ['Film']],
  ])('speaks the reader’s language: asked for %s, chosen %s', async (locale, chosen, tag, dir, words) => {
    const id = await idOf('Crooked Mile');
    // What the server wrote, and nothing that the app would make of it.
    const { page, context } = await visit({ locale });
    await page.route('**/assets/*.js', (route) => route.abort());
    if (chosen) await context.addCookies([{ name: 'locale', value: chosen, url: base() }]);
    await page.goto(`/title/${id}`);
    expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual([tag, dir]);
    const text = await page.locator('main').innerText();
    for (const word of words) expect(text).toContain(word);
    await accessible(page);
    // The app says the same facts in the same words, and so does the page of a title that is gone.
    const line = (await page.locator('.line').innerText()).replaceAll(/[،,]/g, '').split(/\s+/);
    const app = await visit({ prefs: { locale: tag } });
    await app.page.goto(`/title/${id}`);
    await app.page.locator('article .poster').waitFor();
    expect((await app.page.locator('.line').innerText()).split(/\s+/)).toEqual(line);
    for (const what of ['.people dt', '.facts dd']) {
      const [served, shown] = [await page.locator(what).allInnerTexts(), await app.page.locator(what).allInnerTexts()];
      expect(shown).toEqual(expect.arrayContaining(served));
      expect(served.length).toBeGreaterThan(0);
    }
    await page.goto('/title/01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed');
    expect(await page.locator('h1').innerText()).toBe({ ar: 'هذا العنوان ليس في الفهرس', en: 'This title is not in the catalogue' }[tag] ?? 'Ţĥîš ţîţļé îš ñöţ îñ ţĥé çåţåļöĝûé~~~~~~~~~~');
  });

  it('keeps the language that was chosen for the next page from the server', async () => {
    const { page, context } = await visit();
    await page.goto('/');
    await page.locator('.place').click();
    await page.locator('#preferences select').nth(1).selectOption('ar');
    await page.waitForFunction(() => document.documentElement.dir === 'rtl');
    const id = await idOf('Crooked Mile');
    const answer = await context.request.get(`/title/${id}`);
    expect(await answer.text()).toContain('<html lang="ar" dir="rtl">');
    expect(answer.headers()['vary']).toContain('accept-language, cookie');
  });
});

describe('what is sent', () => {
  it('lets nothing in from outside, and nothing inline but the one known script', async () => {
    const { headers, body } = await get('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:/);
    expect(body).not.toMatch(/style=|onclick=|https?:\/\//);
    const { page, troubles } = await visit();
    await page.goto('/');
    await page.evaluate(() => {
      const script = document.createElement('script');
      try {
        script.textContent = 'window.broken = 1';
        document.head.append(script);
      } catch {
        // Trusted types already refuse the text.
      }
    });
    expect(await page.evaluate(() => 'broken' in window)).toBe(false);
    expect(troubles.filter((trouble) => trouble.startsWith('asked outside'))).toEqual([]);
  });

  it('brings the words of a language with the page, not after the app', async () => {
    const preloads = async (language: string) => [...(await get('/search?q=x', { 'accept-language': language })).body.matchAll(/<link rel="modulepreload" href="(\/assets\/ar-[^"]+\.js)">/g)].map(([, path]) => path!);
    expect(await preloads('en')).toEqual([]);
    const [path, ...others] = await preloads('ar');
    expect(others).toEqual([]);
    expect((await get(path!)).body).toContain('فيلم');
    const { page } = await visit({ locale: 'ar', prefs: { locale: 'ar' } });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
    expect(asked.filter((one) => one === path)).toEqual([path]);
  });

  it('can be installed: a manifest with icons of the size it names', async () => {
    const manifest = JSON.parse((await get('/manifest.webmanifest')).body) as { name: string; start_url: string; display: string; icons: { src: string; sizes: string; type: string }[] };
    expect(manifest).toMatchObject({ name: 'Media Gateway', start_url: '/', display: 'standalone' });
    const sizes = manifest.icons.map(({ sizes }) => sizes);
    expect(sizes).toEqual(expect.arrayContaining(['192x192', '512x512']));
    for (const { src, type, sizes } of manifest.icons) {
      const icon = await fetch(new URL(src, base()));
      expect([icon.status, icon.headers.get('content-type')]).toEqual([200, type]);
      if (type !== 'image/png') continue;
      const head = Buffer.from(await icon.arrayBuffer());
      expect(`${head.readUInt32BE(16)}x${head.readUInt32BE(20)}`).toBe(sizes);
    }
    expect((await get('/')).body).toContain('rel="manifest"');
  });

  it('is kept for ever where its name says what is in it, and asked for again elsewhere', async () => {
    const { body } = await get('/');
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(body)![1]!;
    const asset = await get(script, { 'accept-encoding': 'br, gzip' });
    expect(asset.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'br', 'content-type': 'text/javascript; charset=utf-8' });
    const page = await get('/');
    expect(page.headers['cache-control']).toBe('no-cache');
    const again = await get('/', { 'if-none-match': String(page.headers.etag) });
    expect(again.status).toBe(304);
    expect(again.headers['content-security-policy']).toBe(page.headers['content-security-policy']);
    expect((await get('/assets/../../Cargo.toml')).status).toBe(404);
  });
});

describe('offline', () => {
  it('still opens what was seen last, and says that it may be old', async () => {
    const { page, context } = await visit({ worker: true });
    const id = await idOf('Crooked Mile');
    await page.goto(`/title/${id}`);
    await page.locator('article').waitFor();
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await page.reload();
    await page.locator('article').waitFor();
    await page.waitForFunction(async (path) => !!(await caches.match(path, { ignoreVary: true })), `/api/v1/content/${id}`);
    await context.setOffline(true);
    await page.goto('/offline');
    await page.locator('h1', { hasText: 'You are offline' }).waitFor();
    await accessible(page);
    await page.locator('main a', { hasText: 'Crooked Mile' }).click();
    await page.locator('article h1', { hasText: 'Crooked Mile' }).waitFor();
    // It says of when it is, where the page begins.
    const bar = page.locator('.bar');
    expect(await bar.innerText()).toMatch(/^Offline\. What you see was fetched (this minute|1 minute ago)\./);
    const begins = (element: Element) => element.getBoundingClientRect().left + parseFloat(getComputedStyle(element).paddingInlineStart);
    expect(await bar.evaluate(begins)).toBeCloseTo(await page.locator('.page').evaluate(begins), 0);
    await page.reload();
    await page.locator('article h1', { hasText: 'Crooked Mile' }).waitFor();
    await context.setOffline(false);
    await page.goto('/search?q=lighthouse');
    await lines(page).first().waitFor();
    const found = await titles(page);
    await expect.poll(() => page.evaluate(async () => (await (await caches.open('searched')).keys()).length), { timeout: 25_000 }).toBeGreaterThan(0);
    await context.setOffline(true);
    await page.reload();
    await lines(page).first().waitFor();
    await expect.poll(() => titles(page), { message: 'a search too', timeout: 25_000 }).toEqual(found);
    // Both kinds are listed where one finds them again.
    await page.goto('/offline');
    const kept = page.locator('main li a', { hasText: 'lighthouse' });
    await kept.waitFor();
    await accessible(page);
    expect(await page.locator('main').innerText()).toContain('need the network');
    await kept.click();
    await lines(page).first().waitFor();
    expect(await titles(page)).toEqual(found);
    await context.setOffline(false);
    await page.goto('/search?q=harbour');
    await lines(page).first().waitFor();
  });
});
