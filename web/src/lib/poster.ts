/** Draws a poster from a title's own facts: always the same one for the same title. Pure. */
import { MOTIFS, plain, type Layer } from './motifs';
import { palettesOf, type Palette } from './palettes';
import { seeded } from './random';

export interface PosterFacts {
  id: string;
  title: string;
  release_year?: number | null;
  runtime_minutes?: number | null;
  genres: string[];
  countries: string[];
  credits: { name: string; role: string }[];
}

export interface Poster {
  palette: Palette;
  layers: Layer[];
  /** Whether the title stands above the motif. */
  above: boolean;
  /** The height of the motif, of 300. */
  tall: number;
  face: 'narrow' | 'serif' | 'sans';
  /** The size of the title, in hundredths of the poster's width. */
  size: number;
  /** The most lines of it. */
  lines: number;
  year: string;
  by: string;
}

const SERIF = new Set(['drama', 'romance', 'history', 'biography', 'fantasy', 'mystery']);
const NARROW = new Set(['crime', 'thriller', 'western', 'action', 'war', 'horror', 'sports']);

/** The genre that says most about a title. */
export function leading(genres: string[]): string | undefined {
  return MOTIFS.find(([genre]) => genres.includes(genre))?.[0];
}

/** How wide a letter of a face is at most, on average, of its size, the narrow one's capitals where a system has no narrow face; and how far apart lines are. */
const FACES = { sans: { letter: 0.7, line: 1 }, serif: { letter: 0.7, line: 1 }, narrow: { letter: 0.76, line: 0.96 } } as const;
/** Of 200 × 300: the width a line may take, and what the edges and the line below the title take. */
const LINE = 174;
const EDGES = 40;

/** How many lines a title takes where a line holds so many letters; a word that is longer breaks. */
function wrapped(words: string[], letters: number): number {
  let [lines, left] = [1, letters];
  for (const word of words) {
    const long = [...word].length;
    if (left < letters && long > left) [lines, left] = [lines + 1, letters];
    if (long > letters) [lines, left] = [lines + Math.ceil(long / letters) - 1, long % letters];
    left -= long + 1;
  }
  return lines;
}

/** The largest size at which no word breaks and the title stays off the motif; the motif gives way to long titles. */
export function setType(title: string, face: keyof typeof FACES): { size: number; tall: number; lines: number } {
  const words = title.split(/\s+/u).filter(Boolean);
  const longest = Math.max(1, ...words.map((word) => [...word].length));
  const { letter, line } = FACES[face];
  for (const tall of [204, 184, 164, 140, 112]) {
    const room = 300 - tall - EDGES;
    for (let size = 46; size >= (tall > 164 ? 24 : tall > 112 ? 18 : 13); size--) {
      const letters = Math.floor(LINE / (size * letter));
      if (letters >= longest && wrapped(words, letters) * size * line <= room) return { size: size / 2, tall, lines: 9 };
    }
  }
  const size = Math.max(12, Math.min(18, LINE / (Math.min(longest, 24) * letter)));
  return { size: size / 2, tall: 112, lines: Math.floor((300 - 112 - EDGES) / (size * line)) };
}

/** Posters that were drawn: the same title comes again in the next answer. */
const drawn = new Map<string, Poster>();
const MOST_DRAWN = 300;

/** The poster of a title; `plain` ones carry no words, so that none have to be set. */
export function draw(facts: PosterFacts, plainly = false): Poster {
  const key = `${plainly} ${facts.id} ${facts.title} ${facts.release_year ?? ''} ${facts.runtime_minutes ?? ''} ${facts.genres.join()} ${facts.countries.join()} ${facts.credits.slice(0, 2).map((credit) => credit.role + credit.name).join()}`;
  const known = drawn.get(key);
  if (known) return known;
  const poster = design(facts, plainly);
  if (drawn.size >= MOST_DRAWN) drawn.delete(drawn.keys().next().value!);
  drawn.set(key, poster);
  return poster;
}

export function design(facts: PosterFacts, plainly: boolean): Poster {
  const next = seeded(facts.id + facts.title);
  const genre = leading(facts.genres);
  const palettes = palettesOf(facts.release_year);
  const palette = palettes[Math.floor(next() * palettes.length)]!;
  const above = next() < 0.42;
  const face = SERIF.has(genre ?? '') ? 'serif' : NARROW.has(genre ?? '') ? 'narrow' : 'sans';
  const { size, tall, lines } = plainly ? { size: 0, tall: 204, lines: 0 } : setType(facts.title, face);
  const count = Math.min(14, Math.max(3, Math.round((facts.runtime_minutes ?? 96) / 12)));
  const people = seeded(facts.countries.join() + (facts.credits[0]?.name ?? ''));
  const motifs = MOTIFS.find(([name]) => name === genre)?.[1] ?? [plain];
  const motif = motifs[Math.floor(next() * motifs.length)]!;
  const layers = motif({ tall, count, lean: people() * 2 - 1, next }).filter((layer) => layer.d !== '');
  return {
    palette,
    layers,
    above,
    tall,
    face,
    size,
    lines,
    year: facts.release_year ? String(facts.release_year) : '',
    by: facts.credits.find((credit) => credit.role === 'director')?.name ?? '',
  };
}
