import { describe, expect, it } from 'vitest';
import { bars, inside } from './decades';

const counted = (...all: [number, number][]) => all.map(([decade, count]) => ({ value: String(decade), count }));

describe('the bars of decades', () => {
  it('stand on one axis, so that one decade among eleven looks like one', () => {
    const all = bars(counted([1990, 7]));
    expect([all.length, all[0]!.decade, all.at(-1)!.decade]).toEqual([11, 1920, 2020]);
    expect(all.filter(({ count }) => count)).toEqual([{ decade: 1990, from: 1990, to: 1999, count: 7, high: 100 }]);
    expect(bars([])).toEqual([]);
    expect(bars(counted([2030, 1])).at(-1)!.decade).toBe(2030);
  });

  it('take what is earlier into the first, which is open to the past', () => {
    const [first, second, ...rest] = bars(counted([1880, 2], [1910, 3], [1920, 5], [1930, 20]));
    expect(first).toEqual({ decade: 1920, from: undefined, to: 1929, count: 10, high: 50 });
    expect([second!.from, second!.high, rest.length]).toEqual([1930, 100, 9]);
    expect(bars(counted([1920, 1]))[0]!.from).toBe(1920);
    expect(bars([], 1895, 1899)[0]!.from).toBeUndefined();
  });

  it('know what is chosen', () => {
    const [first, second] = bars(counted([1900, 1], [1930, 1]));
    expect([inside(first!, undefined, 1929), inside(first!, 1895, 1899), inside(first!, 1930, 1939), inside(first!)]).toEqual([true, true, false, false]);
    expect([inside(second!, 1935), inside(second!, undefined, 1929), inside(second!, 1939, 1950)]).toEqual([true, false, true]);
  });
});
