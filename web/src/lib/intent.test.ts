import { describe, expect, it } from 'vitest';
import { changedTo, chips, flipped, flips, without, type Chip } from './intent';
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
    const not = flipped(intent, find('list', 'crime'));
    expect(not).toMatchObject({ genres: [], exclude: { genres: ['horror', 'crime'] } });
    const back = flipped(not, chips(not, 'q').find((chip) => chip.kind === 'list' && chip.value === 'crime')!);
    expect(back).toMatchObject({ genres: ['crime'], exclude: { genres: ['horror'] } });
    expect(flips(intent, find('list', 'movie'))).toBe(false);
  });

  it('can be changed, after which nothing is unsure', () => {
    expect(changedTo(intent, { kind: 'years', from: 1970 })).toMatchObject({ year_range: { from: 1970, to: null }, confidence: 1 });
    expect(changedTo(intent, { kind: 'runtime', minutes: 90 })).toMatchObject({ max_runtime_minutes: 90 });
    expect(changedTo(intent, { kind: 'text', text: 'fast' })).toMatchObject({ text: 'fast' });
  });
});
