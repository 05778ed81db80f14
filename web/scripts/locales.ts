// What the server says on its own pages it says like the app: the same words (Fluent), and the names and shapes that a browser's
// Intl has, written down here as tables, because the binary carries no such data of its own.
import { readFile } from 'node:fs/promises';
import { said } from '../src/lib/money.ts';

/** The languages of the app that are languages; the pseudo-locale is made from English wherever it is shown. */
export const TAGS: string[] = ['en', 'ar'];
const RTL = new Set<string>(['ar']);
/** The longest runtime that is told in hours. */
const HOURS = 99;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Names by their codes; where there is none the code is left out. */
function names(tag: string, type: 'region' | 'language', codes: string[]): Record<string, string> {
  const known = new Intl.DisplayNames([tag], { type, fallback: 'none' });
  return Object.fromEntries(codes.flatMap((code) => known.of(code) ? [[code, known.of(code)!]] : []));
}

/** AA to ZZ. */
const PAIRS = range(65, 90).flatMap((a) => range(65, 90).map((b) => String.fromCharCode(a, b)));

/** Names of languages by their tags: of those of two letters, and of the longer ones that films are catalogued with. */
async function languages(tag: string): Promise<Record<string, string>> {
  const table = await readFile(new URL('../../crates/contracts/src/language_names.tsv', import.meta.url), 'utf8');
  const longer = [...table.matchAll(/^([a-z]{3})\t/gm)].map(([, code]) => code!);
  return names(tag, 'language', [...PAIRS.map((code) => code.toLowerCase()), ...longer]);
}

/** What stands before and after a number that is formatted so. */
function around(tag: string, options: Intl.NumberFormatOptions): [string, string] {
  const parts = new Intl.NumberFormat(tag, options).formatToParts(1);
  const first = parts.findIndex(({ type }) => type === 'integer');
  const last = parts.findLastIndex(({ type }) => type === 'integer' || type === 'decimal' || type === 'fraction');
  return [said(parts.slice(0, first), RTL.has(tag)), said(parts.slice(last + 1), RTL.has(tag))];
}

function money(tag: string, currency: string): [string, string, number] {
  const options: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' };
  return [...around(tag, options), new Intl.NumberFormat(tag, options).resolvedOptions().maximumFractionDigits ?? 2];
}

/** A whole date in each month, with `{d}` and `{y}` for day and year. */
function dates(tag: string): string[] {
  const format = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeZone: 'UTC' });
  const told = (month: number) => format.formatToParts(Date.UTC(2001, month, 15)).map(({ type, value }) => (type === 'day' ? '{d}' : type === 'year' ? '{y}' : value)).join('');
  return range(0, 11).map(told);
}

/** The table of one language. */
export async function locale(tag: string) {
  // The server writes numbers itself.
  const shape = new Intl.NumberFormat(tag).format(12345.6);
  if (shape !== '12,345.6') throw new Error(`${tag} writes ${shape}: the server's numbers (crates/web/src/language.rs) must learn that first`);
  const unit = (unit: string) => (value: number) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
  return {
    tag,
    dir: RTL.has(tag) ? 'rtl' : 'ltr',
    words: await readFile(new URL(`../src/locales/${tag}.ftl`, import.meta.url), 'utf8'),
    comma: tag === 'ar' ? '، ' : ', ',
    regions: names(tag, 'region', PAIRS),
    languages: await languages(tag),
    currencies: Object.fromEntries(Intl.supportedValuesOf('currency').map((code) => [code, money(tag, code)])),
    percent: around(tag, { style: 'percent' }),
    hours: range(0, HOURS).map(unit('hour')),
    minutes: range(0, 59).map(unit('minute')),
    dates: dates(tag),
  };
}
