// Prints how heavy the first load is, and how fast the pages are on a phone on a slow network, measured in Chromium.
// Without MEDIA_GATEWAY_URL it starts the binary on the tests' small catalogue.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

/** The budget of the issue. */
const BUDGET = { 'script and style, gzipped': [120, 'KB'], 'largest paint': [1.5, 's'], 'interaction to next paint': [200, 'ms'] };
/** Lighthouse's "slow 4G" and a phone four times slower than this machine. */
const NETWORK = { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 };
const CPU = 4;
const ROUNDS = 3;

const rows = [];
const add = (name, value, kind) => {
  const [most, unit] = BUDGET[kind];
  rows.push({ name, value, most, unit });
  console.log(`${name.padEnd(52)} ${value.toFixed(kind === 'interaction to next paint' ? 0 : 2).padStart(8)} ${unit.padEnd(3)} (at most ${most})${value > most ? '  OVER' : ''}`);
};

/** A figure without a budget. */
const note = (name, value) => {
  rows.push({ name, value, unit: 'ms' });
  console.log(`${name.padEnd(52)} ${value.toFixed(0).padStart(8)} ms`);
};

async function weight() {
  const dist = new URL('../dist/', import.meta.url).pathname;
  const index = await readFile(join(dist, 'index.html'), 'utf8');
  const names = [...index.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
  let bytes = gzipSync(index, { level: 9 }).length;
  for (const name of new Set(names)) bytes += gzipSync(await readFile(join(dist, name)), { level: 9 }).length;
  add('first load: page, script and style', bytes / 1024, 'script and style, gzipped');
}

async function start() {
  if (process.env.MEDIA_GATEWAY_URL) return { base: process.env.MEDIA_GATEWAY_URL, stop: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'mg-web-'));
  const binary = process.env.WEB_TEST_NODE ?? new URL('../../target/release/media-gateway', import.meta.url).pathname;
  const films = new URL('../tests/netflix_titles.csv', import.meta.url).pathname;
  const node = spawn(binary, ['demo', '--films', films, '--data-dir', join(folder, 'data'), '--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'],
    { env: { ...process.env, MEDIA_GATEWAY_MODEL_ENABLED: 'false' }, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const base = await new Promise((resolve, reject) => {
    node.stdout.on('data', (part) => {
      said += part;
      const found = /^app\s+(http:\/\/\S+?)\/$/m.exec(said)?.[1];
      if (found) resolve(found);
    });
    node.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${said}`)));
  });
  return { base, stop: async () => { node.removeAllListeners('exit'); node.kill('SIGTERM'); await new Promise((resolve) => node.once('exit', resolve)); await rm(folder, { recursive: true, force: true }); } };
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** What the page's main thread has worked so far, in milliseconds of its own time: what else the machine does is not in it. */
async function worked(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * metrics.find(({ name }) => name === 'TaskDuration').value;
}

async function phone(browser, base) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, serviceWorkers: 'block' });
  await context.addInitScript(() => {
    localStorage.setItem('mg.prefs', JSON.stringify({ region: 'US', services: [], locale: 'en', theme: 'system', layout: 'auto' }));
    window.paints = [];
    window.events = [];
    new PerformanceObserver((list) => window.paints.push(...list.getEntries().map(({ startTime, element }) => ({ startTime, what: element?.tagName })))).observe({ type: 'largest-contentful-paint', buffered: true });
    new PerformanceObserver((list) => window.events.push(...list.getEntries().filter((entry) => entry.interactionId).map(({ duration, name, processingStart, startTime }) => ({ duration, name, waited: processingStart - startTime })))).observe({ type: 'event', buffered: true, durationThreshold: 16 });
  });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', NETWORK);
  await session.send('Emulation.setCPUThrottlingRate', { rate: CPU });
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return { context, page, session };
}

async function paint(browser, base, path) {
  const [times, work] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const { context, page, session } = await phone(browser, base);
    await page.goto(base + path);
    await page.locator('main li a, article .poster').first().waitFor();
    await page.waitForTimeout(700);
    times.push(Math.max(...(await page.evaluate(() => window.paints)).map(({ startTime }) => startTime)) / 1000);
    work.push(await worked(session));
    await context.close();
  }
  return { time: median(times), work: median(work) };
}

/** The steps of a first minute, each with its slowest interaction and what it cost the main thread. */
async function interactions(browser, base) {
  const { context, page, session } = await phone(browser, base);
  await page.goto(`${base}/`);
  await page.locator('main li a').first().waitFor();
  await page.waitForTimeout(1_500);
  const steps = {
    typing: async () => {
      await page.locator('#box').pressSequentially('harbour films', { delay: 120 });
      await page.locator('#results li.line').first().waitFor();
    },
    filtering: async () => {
      await page.locator('aside summary').tap();
      await page.locator('aside .decades button:not([disabled])').first().tap();
      await page.waitForURL(/from=/);
    },
    opening: async () => {
      await page.locator('#results li.line a').first().tap();
      await page.locator('article .poster').waitFor();
    },
  };
  const found = [];
  for (const [name, act] of Object.entries(steps)) {
    await page.evaluate(() => void (window.events.length = 0));
    const before = await worked(session);
    await act();
    await page.waitForTimeout(1_200);
    const events = await page.evaluate(() => window.events);
    found.push({ name, slowest: Math.max(...events.map(({ duration }) => duration), 0), work: (await worked(session)) - before });
  }
  await context.close();
  return found;
}

const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
await weight();
const { base, stop } = await start();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const q = process.env.MEDIA_GATEWAY_URL ? 'crime' : 'harbour';
  const first = await (await fetch(`${base}/api/v1/search?q=${q}&page_size=1`)).json();
  const id = first.results[0].content.id;
  for (const [name, path] of [['discover', '/'], ['search', `/search?q=${q}`], ['title', `/title/${id}`]]) {
    const { time, work } = await paint(browser, base, path);
    add(`${name}: largest paint, slow 4G, CPU ÷ ${CPU}, median of ${ROUNDS}`, time, 'largest paint');
    note(`${name}: work of the main thread until then`, work);
  }
  for (const { name, slowest, work } of await interactions(browser, base)) {
    add(`${name}: the slowest interaction`, slowest, 'interaction to next paint');
    note(`${name}: work of the main thread in all`, work);
  }
} finally {
  await browser.close();
  await stop();
}
console.log(JSON.stringify(Object.fromEntries(rows.map(({ name, value, unit }) => [`${name} [${unit}]`, value]))));
