// Writes the types of the API from its document, as the snapshot of the binary holds it. Wherever the app uses what the API no
// longer has, `npm run check` then fails; that the snapshot is what the binary serves is a test of the binary.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const snapshot = new URL('../../crates/media-gateway/tests/it/snapshots/it__snapshots__openapi.snap', import.meta.url);
const target = new URL('../src/api/schema.d.ts', import.meta.url);

/** The JSON below the snapshot's header. */
export function document(text) {
  return JSON.parse(text.slice(text.indexOf('\n---\n', 3) + 5));
}

const types = await openapiTS(document(await readFile(snapshot, 'utf8')), { defaultNonNullable: false });
// Nothing else is in its folder, so a fresh clone doesn't have it.
await mkdir(new URL('.', target), { recursive: true });
await writeFile(target, `// Written by scripts/types.mjs.\n${astToString(types)}`);
