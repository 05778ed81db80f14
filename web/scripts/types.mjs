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

// Names of services whose ids don't say how they are written, for when their directory can't be had.
const directory = new URL('../../crates/contracts/src/platforms.tsv', import.meta.url);
const services = (await readFile(directory, 'utf8')).split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split('\t'));
const plain = (id) => id.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
const odd = Object.fromEntries(services.filter(([id, name]) => plain(id) !== name).map(([id, name]) => [id, name]));
await writeFile(new URL('services.ts', target), `// Written by scripts/types.mjs.\nexport default ${JSON.stringify(odd)} as Record<string, string>;\n`);

// The moods that a query can be read to ask for.
const vocabulary = await readFile(new URL('../../crates/search/src/query/vocabulary.rs', import.meta.url), 'utf8');
const table = vocabulary.slice(vocabulary.indexOf('const MOODS'), vocabulary.indexOf('];', vocabulary.indexOf('const MOODS')));
const moods = [...table.matchAll(/\n {4}\(\s*"([a-z]+)"/g)].map(([, mood]) => mood);
if (!moods.length) throw new Error('vocabulary.rs lists no moods any more: scripts/types.mjs must learn where they are');
await writeFile(new URL('moods.ts', target), `// Written by scripts/types.mjs.\nexport default ${JSON.stringify(moods)};\n`);
