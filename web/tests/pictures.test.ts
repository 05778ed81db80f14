/** Pictures out of the node: in the width that is needed, blurred until they are there, and never a grey box. */
import { describe, expect, it } from 'vitest';
import { accessible, base, idOf, lines, useBrowser, visit } from './browser';

useBrowser();

const poster = async (title: string, more = '') => `/api/v1/images/${await idOf(title)}/poster${more}`;

interface Title {
  images: { kind: string; url: string; placeholder?: string }[];
}
// Not an answer that the node keeps for half a minute: what it knows now.
const told = async (title: string) => (await (await fetch(`${base()}/api/v1/content/${await idOf(title)}`, { headers: { 'cache-control': 'no-cache' } })).json()) as Title;

describe('a picture', () => {
  it('is served by the node in the widths of its ladder, to be kept for ever where its address names it', async () => {
    const path = await poster('The Paper Lighthouse');
    const { url } = (await told('The Paper Lighthouse')).images[0]!;
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(url)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    const small = await fetch(`${base()}${path}?width=120&v=${hash.toString(16).padStart(8, '0')}`);
    expect([small.status, small.headers.get('content-type'), small.headers.get('cache-control')]).toEqual([200, 'image/jpeg', 'public, max-age=31536000, immutable']);
    const large = await fetch(`${base()}${path}?width=780`);
    expect(large.headers.get('cache-control')).toBe('public, max-age=86400');
    expect((await large.arrayBuffer()).byteLength).toBeGreaterThan((await small.arrayBuffer()).byteLength);
    const again = await fetch(`${base()}${path}?width=780`, { headers: { 'if-none-match': large.headers.get('etag')! } });
    expect(again.status).toBe(304);
    const odd = await fetch(`${base()}${path}?width=121`);
    expect([odd.status, ((await odd.json()) as { code: string }).code]).toEqual([400, 'bad_width']);
  });

  it('becomes part of the title as a blur, once the node has seen it', async () => {
    await fetch(`${base()}${await poster('The Paper Lighthouse')}`);
    await expect.poll(async () => (await told('The Paper Lighthouse')).images[0]!.placeholder, { timeout: 20_000 }).toMatch(/^[A-Za-z0-9+/=]{8,40}$/);
    const { page } = await visit();
    // The blur stands there while the picture is on its way, and nothing moves when it comes.
    let release = () => undefined as void;
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/api/v1/images/**', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`/title/${await idOf('The Paper Lighthouse')}`, { waitUntil: 'domcontentloaded' });
    const picture = page.locator('article .pic .poster');
    await picture.locator('canvas').waitFor();
    expect(await picture.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0 && value < 255))).toBe(true);
    expect(await picture.locator('svg').count()).toBe(0);
    const before = await picture.boundingBox();
    release();
    await picture.locator('img.there').waitFor();
    expect(await picture.boundingBox()).toEqual(before);
    expect(await picture.locator('canvas').count()).toBe(0);
  });

  it('comes in the width that its place needs, only when it comes near, and keeps its place free', async () => {
    const { page, troubles } = await visit({ deviceScaleFactor: 1 });
    await page.goto('/search?q=The+Paper+Lighthouse');
    const line = lines(page).filter({ hasText: 'The Paper Lighthouse' }).first();
    const img = line.locator('img.there');
    await img.waitFor();
    expect(await img.evaluate((element: HTMLImageElement) => new URL(element.currentSrc).searchParams.get('width'))).toBe('120');
    expect(await img.evaluate((element: HTMLImageElement) => [element.loading, element.alt, element.width / element.height > 0.6])).toEqual(['lazy', '', true]);
    await page.goto(`/title/${await idOf('Moth Season')}`);
    await page.locator('article .pic img.there').waitFor();
    await accessible(page);
    expect(await page.locator('article .pic img').evaluate((element: HTMLImageElement) => new URL(element.currentSrc).searchParams.get('width'))).toBe('240');
    expect(troubles).toEqual([]);
  });

  it('stands on the page without script too', async () => {
    const { page } = await visit({ javaScriptEnabled: false });
    await page.goto(`/title/${await idOf('The Paper Lighthouse')}`);
    const img = page.locator('main .pic img');
    await img.waitFor();
    const served = await page.locator('main img').evaluateAll((all) => all.map((one) => [one.getAttribute('src'), one.getAttribute('srcset'), one.getAttribute('sizes')]));
    expect(served.length).toBe(2);
    // The app asks for the very same addresses, so that nothing is fetched twice.
    const app = await visit();
    await app.page.goto(`/title/${await idOf('The Paper Lighthouse')}`);
    await app.page.locator('article .pic img.there').waitFor();
    expect(await app.page.locator('main .backdrop img, article .pic img').evaluateAll((all) => all.map((one) => [one.getAttribute('src'), one.getAttribute('srcset'), one.getAttribute('sizes')]))).toEqual(served);
    await page.goto(`/title/${await idOf('Crooked Mile')}`);
    expect(await page.locator('main img').count()).toBe(0);
  });
});

describe('a backdrop', () => {
  it('stands above the title: blurred first, then sharp, and nothing moves', async () => {
    const id = await idOf('The Paper Lighthouse');
    await fetch(`${base()}/api/v1/images/${id}/backdrop`);
    const { page, troubles } = await visit();
    let release = () => undefined as void;
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/backdrop?**', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`/title/${id}`, { waitUntil: 'domcontentloaded' });
    const backdrop = page.locator('.backdrop');
    await backdrop.locator('canvas').waitFor();
    const places = async () => [await backdrop.boundingBox(), await page.locator('main h1').boundingBox(), await page.locator('article .pic').boundingBox()];
    const before = await places();
    await accessible(page);
    release();
    await backdrop.locator('img.there').waitFor();
    expect(await places()).toEqual(before);
    expect(await backdrop.locator('canvas').count()).toBe(0);
    expect(troubles).toEqual([]);
  });

  it('that does not come leaves its place to the drawing', async () => {
    const { page, troubles } = await visit();
    await page.goto(`/title/${await idOf('The Quiet Furrow')}`);
    const backdrop = page.locator('.backdrop');
    await page.waitForFunction(() => document.querySelector('.backdrop') && !document.querySelector('.backdrop img'));
    expect(await backdrop.locator('svg path').count()).toBeGreaterThan(0);
    expect((await backdrop.boundingBox())!.height).toBeGreaterThan(100);
    await page.goto(`/title/${await idOf('Crooked Mile')}`);
    await page.locator('article .poster').waitFor();
    expect(await backdrop.count()).toBe(0);
    expect(troubles).toEqual([]);
  });
});

describe('a picture that is none', () => {
  it.each([
    ['is gone', 'The Quiet Furrow', 404, 'no_picture'],
    ['is broken', 'Nine Doors in Marrow Lane', 502, 'picture_unusable'],
    ['is a page', 'The Tin Orchestra', 502, 'picture_unusable'],
    ['claims to be huge', 'Salt on the Stairs', 502, 'picture_unusable'],
    ['never comes', 'The Last Ferry to Ennis', 502, 'picture_not_fetched'],
    ['was never named', 'Crooked Mile', 404, 'no_picture'],
  ])('%s: a problem for programs, the drawn poster for people', async (_, title, status, code) => {
    const answer = await fetch(`${base()}${await poster(title)}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    const { page, troubles } = await visit();
    await page.goto(`/title/${await idOf(title)}`);
    const picture = page.locator('article .pic .poster');
    await picture.locator('svg path').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('article .pic img'));
    expect(await picture.innerText()).not.toBe('');
    expect(troubles).toEqual([]);
  });
});
