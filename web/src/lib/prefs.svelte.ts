/** What a person chose, kept in this browser and shared between its tabs. */
import { REGIONS } from './regions';
import { ID } from './search-state';

export type Theme = 'system' | 'light' | 'dark';
export type Layout = 'auto' | 'tv' | 'desk';
export const LOCALES = ['en', 'ar', 'en-XA'] as const;
export type LocaleTag = (typeof LOCALES)[number];

export interface Prefs {
  region: string;
  services: string[];
  locale: LocaleTag;
  theme: Theme;
  layout: Layout;
}

/** A place that we know. */
const isRegion = (code: unknown): code is string => REGIONS.includes(code as string);

/** The head of the page reads the same key before the first paint. */
const KEY = 'mg.prefs';

function guess(): Prefs {
  const tags = navigator.languages ?? [navigator.language];
  const region = tags.map((tag) => /-([A-Z]{2})$/.exec(tag)?.[1]).find(isRegion) ?? 'US';
  // The first that we speak, as the server has it.
  const locale = tags.map((tag) => tag.toLowerCase().split('-')[0]).find((tag) => tag === 'en' || tag === 'ar') ?? 'en';
  return { region, services: [], locale, theme: 'system', layout: 'auto' };
}

/** Whatever the browser kept, it makes preferences. */
export function parse(text: string | null, otherwise: Prefs): Prefs {
  let kept: Partial<Record<keyof Prefs, unknown>> = {};
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    if (value && typeof value === 'object') kept = value;
  } catch {
    // Another program wrote here: what can't be read is not kept.
  }
  const one = <T extends string>(value: unknown, of: readonly T[], fallback: T): T => (of.includes(value as T) ? (value as T) : fallback);
  const services = Array.isArray(kept.services) ? kept.services.filter((id): id is string => typeof id === 'string' && ID.test(id)) : [];
  return {
    region: isRegion(kept.region) ? kept.region : otherwise.region,
    services: [...new Set(services)].slice(0, 50),
    locale: one(kept.locale, LOCALES, otherwise.locale),
    theme: one(kept.theme, ['system', 'light', 'dark'], otherwise.theme),
    layout: one(kept.layout, ['auto', 'tv', 'desk'], otherwise.layout),
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is blocked: the choice lasts as long as the page
  }
}

export const prefs: Prefs = $state(parse(stored(), guess()));

/** The server writes its pages in the language that was chosen; until one was, in the browser's. */
function tell(): void {
  if (stored()) document.cookie = `locale=${prefs.locale}; path=/; max-age=31536000; samesite=lax`;
}
tell();

export function choose(change: Partial<Prefs>): void {
  // Another tab may have changed something else meanwhile.
  Object.assign(prefs, parse(stored(), { ...prefs }), change);
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // As above.
  }
  tell();
}

window.addEventListener('storage', (event) => {
  if (event.key === KEY || event.key === null) Object.assign(prefs, parse(event.newValue, guess()));
});

const TV = /\b(SMART-TV|SmartTV|Tizen|Web0S|webOS|BRAVIA|AppleTV|GoogleTV|Android TV|CrKey|AFT[A-Z])\b/;

/** Whether the TV layout holds. */
export function onTv(): boolean {
  return prefs.layout === 'tv' || (prefs.layout === 'auto' && TV.test(navigator.userAgent));
}
