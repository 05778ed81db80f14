/// <reference types="vitest/config" />
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, constants } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { locale, TAGS } from './scripts/locales.ts';

/** Names the built files in the service worker, puts a smaller form of each beside it, which the binary serves, and what the binary says itself. */
function finish(): Plugin {
  return {
    name: 'finish',
    apply: 'build',
    async closeBundle() {
      const dist = new URL('dist/', import.meta.url).pathname;
      const assets = (await readdir(join(dist, 'assets'))).filter((name) => /\.(js|css)$/.test(name)).map((name) => `/assets/${name}`);
      const index = await readFile(join(dist, 'index.html'));
      const version = createHash('sha256').update(index).update(assets.join()).digest('hex').slice(0, 12);
      const worker = (await readFile(join(dist, 'sw.js'), 'utf8')).replace('__VERSION__', version).replace('__ASSETS__', assets.map((name) => `'${name}'`).join(', '));
      await writeFile(join(dist, 'sw.js'), worker);
      await mkdir(join(dist, 'locales'), { recursive: true });
      for (const tag of TAGS) await writeFile(join(dist, 'locales', `${tag}.json`), JSON.stringify(await locale(tag)));
      for (const name of [...assets, '/sw.js', '/icon.svg', '/manifest.webmanifest']) {
        const bytes = await readFile(join(dist, name));
        await writeFile(join(dist, `${name}.gz`), gzipSync(bytes, { level: 9 }));
        await writeFile(join(dist, `${name}.br`), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}

/** Another node to develop against: `MEDIA_GATEWAY_URL=http://127.0.0.1:8080 npm run dev`. */
const node = process.env.MEDIA_GATEWAY_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), finish()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { proxy: { '/api': node, '/openapi.json': node } },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'], environment: 'node' } },
      {
        extends: true,
        test: { name: 'pages', include: ['tests/**/*.test.ts'], environment: 'node', globalSetup: 'tests/setup.ts', testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: 2 },
      },
      // Pictures to look at, taken when somebody asks for them; no test runs it.
      { extends: true, test: { name: 'shots', include: ['tests/shots.ts'], environment: 'node', globalSetup: 'tests/setup.ts', testTimeout: 30_000, hookTimeout: 60_000 } },
    ],
  },
});
