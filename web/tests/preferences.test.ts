/** What a person chooses: where they are, what they pay for, colours and layout; it holds at once, and the next time. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accessible, lines, settled, total, useBrowser, visit } from './browser';

useBrowser();
const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const [LIGHT, DARK] = ['rgb(250, 250, 248)', 'rgb(18, 19, 21)'];
const panel = async (page: Page) => (await page.locator('.place').click(), page.locator('#preferences'));

describe('colours', () => {
  it('are the system’s until someone chooses, and hold from the first paint on', async () => {
    const { page, context } = await visit();
    await page.goto('/');
    expect(await ground(page)).toBe(DARK);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await ground(page)).toBe(LIGHT);
    await (await panel(page)).locator('select').nth(2).selectOption('dark');
    expect(await ground(page)).toBe(DARK);
    await accessible(page);
    await page.locator('#preferences select').nth(2).selectOption('light');
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground(page)).toBe(LIGHT);
    await accessible(page);
    // Before the app is there: the head of the page knows.
    const next = await context.newPage();
    await next.route('**/assets/*.js', (route) => route.abort());
    await next.goto('/search?q=harbour');
    expect(await ground(next)).toBe(LIGHT);
  });
});

describe('my services and my place', () => {
  it('become filters, come first, and stay in this browser', async () => {
    const { page, troubles } = await visit();
    const sent: string[] = [];
    page.on('request', (request) => request.method() !== 'GET' && !/\/api\/v1\/search$/.test(request.url()) && sent.push(request.url()));
    await page.goto('/search?q=films');
    await lines(page).first().waitFor();
    expect(await page.locator('aside', { hasText: 'Choose my services' }).count()).toBe(1);
    const choices = await panel(page);
    await choices.locator('select').first().selectOption('DE');
    await choices.locator('.check', { hasText: 'Netflix' }).locator('input').check();
    await choices.locator('button', { hasText: 'Close' }).click();
    expect(await page.locator('.place').getAttribute('aria-label')).toBe('Preferences: Germany, 1 service');
    const all = await total(page);
    await page.locator('aside label', { hasText: 'Offered here (Germany)' }).locator('input').check();
    await page.waitForURL(/here=1/);
    await page.locator('aside label', { hasText: 'On my services' }).locator('input').check();
    await page.waitForURL(/mine=1/);
    await settled(page);
    const mine = await total(page);
    expect(mine).toBeGreaterThan(0);
    expect(mine).toBeLessThan(all);
    for (const where of await page.locator('#results li.line .where').allInnerTexts()) expect(where).toContain('Netflix');
    expect(await page.locator('#results li.line .where li').first().getAttribute('class')).toContain('mine');
    // A new start finds them again; the server was never told.
    await page.goto('/');
    await page.reload();
    expect(await page.locator('.place').getAttribute('aria-label')).toBe('Preferences: Germany, 1 service');
    expect(sent).toEqual([]);
    expect(troubles).toEqual([]);
  });

  it('can be chosen, all but the services, while nothing answers', async () => {
    const { page, troubles } = await visit();
    await page.route('**/api/v1/**', (route) => route.abort());
    await page.goto('/');
    const choices = await panel(page);
    await choices.locator('select').first().selectOption('FR');
    await page.locator('.place', { hasText: 'France' }).waitFor();
    expect(await choices.locator('.check').count()).toBe(0);
    await accessible(page);
    expect(troubles).toEqual([]);
  });
});

describe('the layout', () => {
  it('for a TV doubles everything, chosen or found out by its browser', async () => {
    const size = (page: Page) => page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
    const { page } = await visit({ viewport: { width: 1920, height: 1080 } });
    await page.goto('/');
    expect(await size(page)).toBe(16);
    await (await panel(page)).locator('select').nth(3).selectOption('tv');
    expect(await size(page)).toBeGreaterThan(28);
    const box = (await page.locator('#preferences').boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.y + box.height).toBeLessThanOrEqual(1080);
    const telly = await visit({ viewport: { width: 1920, height: 1080 }, userAgent: 'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/94.0 Safari/537.36' });
    await telly.page.goto('/');
    expect(await size(telly.page)).toBeGreaterThan(28);
  });
});
