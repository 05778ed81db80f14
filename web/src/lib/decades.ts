/** The bars of a histogram of decades. Pure. */

export interface Bar {
  decade: number;
  /** The years that it stands for; open to the past where earlier decades are part of it. */
  from?: number;
  to: number;
  count: number;
  /** In per cent of the highest. */
  high: number;
}

/** The axis: what is earlier is one bar with the first, so that all fit beside the results, each wide enough for a finger; later decades follow as they come. */
const [FIRST, LAST] = [1920, 2020];
const start = (year: number) => Math.floor(year / 10) * 10;

/** A bar a decade, with those without titles; none where nothing is counted and nothing chosen. */
export function bars(values: { value: string; count: number }[], from?: number, to?: number): Bar[] {
  const known = values.map(({ value, count }) => ({ decade: Number(value), count })).filter(({ decade }) => decade > 0);
  const chosen = [from, to].flatMap((year) => (year === undefined ? [] : [start(year)]));
  const all = [...known.map(({ decade }) => decade), ...chosen];
  if (!all.length) return [];
  const early = all.some((decade) => decade < FIRST);
  const sum = (of: (decade: number) => boolean) => known.filter(({ decade }) => of(decade)).reduce((total, { count }) => total + count, 0);
  const counted = Array.from({ length: (Math.max(LAST, ...all) - FIRST) / 10 + 1 }, (_, at) => {
    const decade = FIRST + at * 10;
    const first = at === 0 && early;
    return { decade, from: first ? undefined : decade, to: decade + 9, count: sum((one) => one === decade || (at === 0 && one < FIRST)) };
  });
  const most = Math.max(1, ...counted.map(({ count }) => count));
  return counted.map((bar) => ({ ...bar, high: bar.count ? Math.max(6, (100 * bar.count) / most) : 0 }));
}

/** Whether a choice of years has a part of it. */
export const inside = (bar: Bar, from?: number, to?: number): boolean =>
  (from !== undefined || to !== undefined) && bar.to >= (from ?? -Infinity) && (bar.from ?? -Infinity) <= (to ?? Infinity);
