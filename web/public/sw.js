// Keeps the app and what was seen last, for when there is no network. Pages and answers come from the network whenever it answers.
const VERSION = '__VERSION__';
const SHELL = `shell-${VERSION}`;
const SEEN = 'seen';
const ASSETS = [__ASSETS__];
/** As many titles as the app lists as seen, and the lists beside them. */
const MOST_SEEN = 40;
const PATIENCE_MS = 4000;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const shell = await caches.open(SHELL);
    await shell.addAll(['/offline', '/icon.svg', '/manifest.webmanifest', ...ASSETS]);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith('shell-') && name !== SHELL) await caches.delete(name);
    await self.clients.claim();
  })());
});

/** What can be shown again: titles, and the lists that name services and rows. */
const worthKeeping = (path) => /^\/api\/v1\/(content\/[0-9a-f-]{36}(\/similar)?|platforms|discover)$/.test(path);

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname.startsWith('/assets/')) event.respondWith(fromShell(request));
  else if (request.mode === 'navigate' && !/^\/(api|docs|openapi)/.test(url.pathname)) event.respondWith(page(request));
  else if (worthKeeping(url.pathname)) event.respondWith(answer(event));
});

async function fromShell(request) {
  return (await (await caches.open(SHELL)).match(request)) ?? fetch(request);
}

/** The page from the network; the app's own shell, which reads the address, where there is none. */
async function page(request) {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return (await (await caches.open(SHELL)).match('/offline')) ?? Response.error();
  }
}

async function answer(event) {
  const seen = await caches.open(SEEN);
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep(seen, event.request, response.clone()));
    return response;
  } catch (error) {
    const old = await seen.match(event.request, { ignoreVary: true });
    if (old) return old;
    throw error;
  }
}

async function keep(seen, request, response) {
  await seen.delete(request, { ignoreVary: true });
  await seen.put(request, response);
  const all = await seen.keys();
  for (const old of all.slice(0, Math.max(0, all.length - MOST_SEEN))) await seen.delete(old);
}
