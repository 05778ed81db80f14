/** Starts a node on a small catalogue of our own: the demo as its users start it, with invented films and its generated offers. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { host, PICTURES } from './images';

declare module 'vitest' {
  export interface ProvidedContext {
    base: string;
  }
}

/** How long the node may take to load forty titles. */
const PATIENCE_MS = 180_000;

export default async function setup(project: TestProject) {
  const given = process.env.MEDIA_GATEWAY_URL;
  if (given) {
    project.provide('base', given);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'mg-web-'));
  const binary = process.env.WEB_TEST_NODE ?? new URL('../../target/debug/media-gateway', import.meta.url).pathname;
  const films = new URL('netflix_titles.csv', import.meta.url).pathname;
  const encyclopedia = join(folder, 'movies-1990s.json');
  const images = await host();
  await writeFile(encyclopedia, JSON.stringify(articles(await readFile(films, 'utf8'), images.origin)));
  const args = ['demo', '--films', films, '--data-dir', join(folder, 'data'), '--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0'];
  const env = { ...process.env, MEDIA_GATEWAY_MODEL_ENABLED: 'false', MEDIA_GATEWAY_PICTURE_HOSTS: images.origin, MEDIA_GATEWAY_PICTURE_TIMEOUT_MS: '5000' };
  // What an encyclopedia knows of the same films: its ids are what generated offers hang on.
  execFileSync(binary, ['ingest', films, encyclopedia, '--data-dir', join(folder, 'data')], { env, stdio: 'ignore' });
  // An operator's own list brings backdrops, and the seasons of a series.
  const [stills, mapping] = [join(folder, 'stills.json'), join(folder, 'stills.toml')];
  const stilled = STILLS.map((still, at) => ({ ...still, id: at, kind: 'film', still: `${images.origin}/${still.still}` }));
  await writeFile(stills, JSON.stringify([...stilled, ...SERIES]));
  await writeFile(mapping, MAPPING);
  execFileSync(binary, ['ingest', stills, '--mapping', mapping, '--data-dir', join(folder, 'data')], { env, stdio: 'ignore' });
  const node = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  project.provide('base', await address(node));
  return async () => {
    const over = new Promise((resolve) => node.once('exit', resolve));
    node.kill('SIGTERM');
    await over;
    await images.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** One backdrop that comes and one that is gone; and languages as sources name them. */
const STILLS = [
  { name: 'The Paper Lighthouse', director: 'Ada Wren', year: 1974, still: 'wide.png' },
  { name: 'The Quiet Furrow', director: 'Odd Halvorsen', year: 2016, still: 'lost.png', spoken: ['Norwegian', 'Mandarin', 'Standard Chinese'] },
];
/** A series that the service's list has too, with two of its three seasons. */
const SERIES = [
  { id: 'h', name: 'Harbour Street', kind: 'tv_show', year: 2015, cast: ['Otto Bly', 'Pia Lund', 'Una Grey', 'Cy Dove'] },
  { id: 'h1', name: 'The First Winter', kind: 'season', of: 'h', no: 1, year: 2015 },
  { id: 'h2', name: '', kind: 'season', of: 'h', no: 2, year: 2016 },
  { id: 'h1e1', name: 'One Desk', kind: 'episode', of: 'h1', no: 1, aired: '2015-03-01', minutes: 51, about: 'Two detectives are given one desk.' },
  { id: 'h1e2', name: 'Low Tide', kind: 'episode', of: 'h1', no: 2 },
];
const MAPPING = `source = "stills"
[columns]
key = "id"
title = "name"
type = "kind"
parent = "of"
number = "no"
actors = "cast"
overview = "about"
languages = "spoken"
date = "aired"
runtime_minutes = "minutes"
year = "year"
directors = "director"
backdrop = "still"
[types]
film = "movie"
`;

/** The films of the streaming service's list, in the shape of the encyclopedia's; every third is missing there. */
function articles(list: string, images: string): object[] {
  const rows = list.trim().split('\n').slice(1).map((line) => [...line.matchAll(/("[^"]*"|[^,]*)(,|$)/g)].map((field) => field[1]!.replaceAll('"', '')));
  const films = rows.filter((row, at) => row[1] === 'Movie' && (at % 3 !== 1 || row[2] === 'Crooked Mile'));
  const picture = (title: string) => (PICTURES[title] ? { thumbnail: `${images}/${PICTURES[title]}` } : {});
  return films.map((row) => ({ title: row[2], year: Number(row[7]), cast: row[4]!.split(', '), genres: [], href: row[2]!.replaceAll(' ', '_'), ...picture(row[2]!) }));
}

/** What the node says where it is, once everything is indexed. */
function address(node: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => reject(new Error(`the node was not ready within ${PATIENCE_MS / 1000} s; it said: ${said}`)), PATIENCE_MS);
    node.stdout!.on('data', (part: Buffer) => {
      said += part.toString();
      const found = /^app\s+(http:\/\/\S+?)\/$/m.exec(said)?.[1];
      if (found) {
        clearTimeout(late);
        resolve(found);
      }
    });
    node.once('error', reject);
    node.once('exit', (code) => reject(new Error(`the node ended with ${code}; it said: ${said}`)));
  });
}
