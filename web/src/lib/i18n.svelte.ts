/** Words, numbers, dates and names of places in the person's language. */
import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';
import english from '../locales/en.ftl?raw';
import { said } from './money';
import { prefs, type LocaleTag } from './prefs.svelte';

const RTL = new Set<LocaleTag>(['ar']);

function bundle(tag: string, text: string, transform?: (text: string) => string): FluentBundle {
  // Isolation marks keep a Latin title whole inside an Arabic sentence; English needs none.
  const made = new FluentBundle(tag, { useIsolating: tag === 'ar', ...(transform ? { transform } : {}) });
  made.addResource(new FluentResource(text));
  return made;
}

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const ACCENTED = [...'åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ'];

/** English that shows what is not translated, and what does not fit: accented, and longer by a third. */
export function pseudo(text: string): string {
  const accented = [...text].map((letter) => ACCENTED[LETTERS.indexOf(letter)] ?? letter).join('');
  const letters = accented.replace(/[^\p{L}]/gu, '').length;
  return letters > 3 ? `${accented}${'~'.repeat(Math.ceil(letters / 3))}` : accented;
}

const fallback = bundle('en', english);
let current: FluentBundle = $state.raw(fallback);
let tag: LocaleTag = $state('en');

/** Loads the language that was chosen; until it is there, and where it lacks a word, English holds. */
export async function speak(chosen: LocaleTag): Promise<void> {
  let made = fallback;
  if (chosen === 'ar') made = bundle('ar', (await import('../locales/ar.ftl?raw')).default);
  if (chosen === 'en-XA') made = bundle('en', english, pseudo);
  if (prefs.locale !== chosen) return;
  [current, tag] = [made, chosen];
  document.documentElement.lang = chosen;
  document.documentElement.dir = RTL.has(chosen) ? 'rtl' : 'ltr';
}

/** A message by its id. */
export function t(id: string, values?: Record<string, FluentVariable>): string {
  for (const words of [current, fallback]) {
    const message = words.getMessage(id);
    if (message?.value) return words.formatPattern(message.value, values, []);
  }
  return id;
}

/** A message that may not exist, for ids that are data. */
export function known(id: string, values?: Record<string, FluentVariable>): string | undefined {
  for (const words of [current, fallback]) {
    const message = words.getMessage(id);
    if (message?.value) return words.formatPattern(message.value, values, []);
  }
  return undefined;
}

const intl = (): string => (tag === 'en-XA' ? 'en' : tag);

/** The language of the page, as the API is asked for it. */
export function wanted(): string {
  return tag === 'ar' ? 'ar, en;q=0.8' : 'en';
}

/** Formatters by what they are made from: to make one takes a hundred times as long as to use it. There are a few dozen. */
const formatters = new Map<string, unknown>();

function kept<T>(kind: string, options: object | undefined, make: (tag: string) => T): T {
  const key = `${kind} ${intl()} ${options ? JSON.stringify(options) : ''}`;
  const known = formatters.get(key) as T | undefined;
  if (known) return known;
  const made = make(intl());
  formatters.set(key, made);
  return made;
}

const formatter = (options?: Intl.NumberFormatOptions) => kept('number', options, (tag) => new Intl.NumberFormat(tag, options));
export const number = (value: number, options?: Intl.NumberFormatOptions) => formatter(options).format(value);

export function money(amount: string, currency: string): string {
  try {
    const options: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' };
    return said(formatter(options).formatToParts(Number(amount)), RTL.has(tag));
  } catch {
    return `${amount} ${currency}`;
  }
}

function name(kind: 'region' | 'language', code: string): string {
  try {
    return kept(kind, undefined, (tag) => new Intl.DisplayNames([tag], { type: kind, fallback: 'none' })).of(code) ?? code;
  } catch {
    return code; // a code that nobody knows
  }
}

export const regionName = (code: string) => name('region', code);
/** By its tag; what is none, as a person may have typed it into the address, stays. */
export const languageName = (tag: string) => name('language', tag);
export const genreOr = (id: string, otherwise: string) => known(`genre-${id.replaceAll('_', '-')}`) ?? otherwise;
export const genreName = (id: string) => genreOr(id, id.replaceAll('_', ' '));

/** Ids of genres by their English names, which is all that suggestions hold. */
const genres = new Map([...english.matchAll(/^(genre-[\w-]+) = (.+)$/gm)].map(([, id, name]) => [name!, id!]));
export const genreCalled = (name: string) => (genres.has(name) ? t(genres.get(name)!) : name);

/** What stands between the parts of a list. */
export const comma = () => (tag === 'ar' ? '، ' : ', ');

/** A whole date as the place writes it; the year alone is only that. */
export const date = (iso: string) => kept('date', undefined, (tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeZone: 'UTC' })).format(new Date(iso));

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [['year', 31_557_600], ['month', 2_629_800], ['day', 86_400], ['hour', 3_600], ['minute', 60]];

/** How long ago, in the largest unit that fits. What is midnight to the second is a day of which no time is known. */
export function ago(iso: string, now = Date.now()): string {
  const day = /T00:00:00(\.0+)?Z$/.test(iso);
  const seconds = (new Date(iso).getTime() - (day ? now - (now % 86_400_000) : now)) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? (day ? UNITS[2]! : UNITS[4]!);
  return kept('ago', undefined, (tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })).format(Math.round(seconds / size), unit);
}

/** A length of time: 1 hr 52 min, or 1h 52m where there is little room. */
export function runtime(minutes: number, unitDisplay: 'short' | 'narrow' = 'short'): string {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  const unit = (value: number, kind: string) => number(value, { style: 'unit', unit: kind, unitDisplay });
  return [hours ? unit(hours, 'hour') : '', rest || !hours ? unit(rest, 'minute') : ''].filter(Boolean).join(' ');
}

/** A year is a name, never grouped. */
export const year = (value: number) => number(value, { useGrouping: false });
