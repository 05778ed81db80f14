import { describe, expect, it } from 'vitest';
import { chips, phrase, replaced, siblings, without, type Chip } from './intent';
import type { Intent } from './api';

const intent = {
  text: 'slow', like: [], people: ['Al Pacino'], genres: ['crime'], content_types: ['movie'], year_range: { from: 1990, to: 1999 }, platforms: [],
  exclude: { genres: ['horror'], people: [], like: [], text: [] }, max_runtime_minutes: 120, moods: [], languages: [], countries: [], corrections: [], confidence: 0.5,
} as unknown as Intent;
const find = (kind: string, value?: string) => chips(intent, 'q').find((chip) => chip.kind === kind && (!value || ('value' in chip && chip.value === value)))!;

describe('chips', () => {
  it('say all that was understood', () => {
    expect(chips(intent, 'the query').map((chip) => (chip.kind === 'list' ? `${chip.not ? '-' : ''}${chip.value}` : chip.kind))).toEqual(['movie', 'crime', 'Al Pacino', 'years', 'runtime', '-horror', 'text']);
  });

  it('say nothing where the words are all there is', () => {
    const plain = { text: 'Heat', like: [], people: [], genres: [], content_types: [], year_range: null, platforms: [] } as unknown as Intent;
    expect(chips(plain, 'heat ')).toEqual([]);
    expect(chips(plain, 'heet')).toHaveLength(1);
  });

  it.each<[Chip, (changed: Record<string, unknown>) => unknown, unknown]>([
    [find('list', 'crime'), (changed) => changed.genres, []],
    [find('years'), (changed) => changed.year_range, null],
    [find('runtime'), (changed) => changed.max_runtime_minutes, null],
    [find('text'), (changed) => changed.text, ''],
    [find('list', 'horror'), (changed) => (changed.exclude as { genres: string[] }).genres, []],
  ])('can be removed: %j', (chip, part, expected) => {
    const before = JSON.stringify(intent);
    expect(part(without(intent, chip) as never)).toEqual(expected);
    expect(JSON.stringify(intent)).toBe(before);
  });

  it('can be turned around and back', () => {
    const crime = find('list', 'crime') as Chip & { kind: 'list' };
    const not = replaced(intent, crime, { ...crime, not: true } as Chip);
    expect(not).toMatchObject({ genres: [], exclude: { genres: ['horror', 'crime'] } });
    const back = replaced(not, chips(not, 'q').find((chip) => chip.kind === 'list' && chip.value === 'crime')!, crime);
    expect(back).toMatchObject({ genres: ['crime'], exclude: { genres: ['horror'] } });
  });

  it('can be another of their kind, in their place, or the only one', () => {
    const people = { ...intent, people: ['Al Pacino', 'Ada Wren'] } as Intent;
    const first: Chip = { kind: 'list', field: 'people', value: 'Al Pacino', not: false };
    expect(replaced(people, first, { ...first, value: 'Nora Vance' })).toMatchObject({ people: ['Nora Vance', 'Ada Wren'], confidence: 1 });
    expect(replaced(people, first, { ...first, value: 'Ada Wren' })).toMatchObject({ people: ['Ada Wren'] });
    expect(replaced(people, first, first, true)).toMatchObject({ people: ['Al Pacino'] });
    expect(siblings(people, first)).toBe(2);
  });

  it('can be changed, after which nothing is unsure', () => {
    expect(replaced(intent, find('years'), { kind: 'years', from: 1970 })).toMatchObject({ year_range: { from: 1970, to: null }, confidence: 1 });
    expect(replaced(intent, find('runtime'), { kind: 'runtime', minutes: 90 })).toMatchObject({ max_runtime_minutes: 90 });
    expect(replaced(intent, find('text'), { kind: 'text', text: 'fast' })).toMatchObject({ text: 'fast' });
  });

  it('make words that they could have been read from, and none where nothing is left', () => {
    const say = (changes: object) => phrase({ text: '', like: [], people: [], genres: [], content_types: [], platforms: [], moods: [], languages: [], countries: [], year_range: null, exclude: {}, ...changes } as unknown as Intent, (id) => id.toUpperCase());
    expect(say({})).toBe('');
    expect(say({ people: ['Al Pacino'] })).toBe('Al Pacino');
    expect(say({ text: 'heist', genres: ['science_fiction'], content_types: ['movie'], people: ['Al Pacino', 'Ada Wren'], year_range: { from: 1990, to: 1999 } })).toBe('1990s science fiction heist films with Al Pacino and Ada Wren');
    expect(say({ moods: ['tense'], platforms: ['max'], languages: ['ko'], countries: ['FR'], max_runtime_minutes: 90, year_range: { from: 1990, to: null } })).toBe('tense on MAX in Korean from France since 1990 under 90 minutes');
    expect(say({ content_types: ['tv_show'], like: ['Heat (1995)'], exclude: { genres: ['horror', 'war'], people: ['Bo Finch'], text: ['zombies'] }, year_range: { from: null, to: 1980 } })).toBe('series like Heat (1995) until 1980 not horror or war without Bo Finch without zombies');
  });
});
