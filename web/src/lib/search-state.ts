/** A search as the address holds it, and as the API takes it. Pure; whatever an address says, it makes a search. */
import type { Intent, Schemas, SearchRequest } from './api';

export interface SearchState {
  q: string;
  genres: string[];
  types: string[];
  from?: number;
  to?: number;
  on: string[];
  people: string[];
  languages: string[];
  rating?: number;
  runtime?: number;
  /** Only what is offered in the person's region. */
  here: boolean;
  /** Only what is on the person's services, in their region. */
  mine: boolean;
  sort: Sort;
  page: number;
  /** What the query is taken to mean, once someone has edited that. */
  intent?: Intent;
  /** The words as they were before that. */
  was?: string;
}

export type Sort = NonNullable<SearchRequest['sort']>;
/** The orders that a list can have; without words the best match is what is most popular. */
export const SORTS: Sort[] = ['relevance', 'popular', 'trending', 'newest', 'recently_added'];

export const PAGE_SIZE = 20;
/** The API's own bounds. */
const MAX_QUERY = 2_000;
const MAX_PAGE = 50;
const MAX_LIST = 20;

export const EMPTY: SearchState = { q: '', genres: [], types: [], on: [], people: [], languages: [], here: false, mine: false, sort: 'relevance', page: 1 };

const words = (text: string | null, shape: RegExp): string[] =>
  [...new Set((text ?? '').split(',').map((word) => word.trim()).filter((word) => shape.test(word)))].slice(0, MAX_LIST);
const names = (all: string[]): string[] => [...new Set(all.map((name) => name.trim()).filter((name) => name && [...name].length <= 200))].slice(0, MAX_LIST);

function number(text: string | null, least: number, most: number): number | undefined {
  if (text === null || text.trim() === '') return undefined;
  // A figure as people write it, and as the server reads it: neither in hexadecimal nor without an end.
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value >= least && value <= most ? value : undefined;
}

const whole = (text: string | null, least: number, most: number) => {
  const value = number(text, least, most);
  return value === undefined ? undefined : Math.round(value);
};

/** The shape of the id of a genre or a service. */
export const ID = /^[\p{Lowercase}\p{N}_]{1,50}$/u;

/** Reads an address; what it does not know, or what makes no sense, it leaves out. */
export function read(params: URLSearchParams): SearchState {
  const intent = readIntent(params.get('intent'));
  let [from, to] = [whole(params.get('from'), 1870, 2100), whole(params.get('to'), 1870, 2100)];
  if (from !== undefined && to !== undefined && from > to) [from, to] = [to, from];
  return {
    q: [...(params.get('q') ?? '')].slice(0, MAX_QUERY).join(''),
    genres: words(params.get('genre'), ID),
    types: words(params.get('type'), /^(movie|tv_show)$/),
    from,
    to,
    on: words(params.get('on'), ID),
    people: names(params.getAll('with')),
    languages: words(params.get('lang'), /^\P{Cc}{1,40}$/u),
    rating: number(params.get('rating'), 0, 10),
    runtime: whole(params.get('max'), 1, 600),
    here: params.get('here') === '1',
    mine: params.get('mine') === '1',
    page: Math.min(whole(params.get('page'), 1, Number.MAX_SAFE_INTEGER) ?? 1, MAX_PAGE),
    sort: SORTS.find((sort) => sort === params.get('sort')) ?? 'relevance',
    intent,
    was: intent ? [...(params.get('was') ?? '')].slice(0, MAX_QUERY).join('') || undefined : undefined,
  };
}

/** An edited intent: only fields with the shape that the API knows. */
function readIntent(text: string | null): Intent | undefined {
  if (!text || [...text].length > 4_000) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Intent) : undefined;
  } catch {
    return undefined;
  }
}

/** A part of an address as text; one whose escapes are mistyped stays as it is. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The words that a part of an address is made of. */
export const wordsOf = (part: string): string => part.replace(/[-_+]+/g, ' ').trim();

/** The address of a search, in one order, so that the same search has the same address. */
export function write(state: Partial<SearchState>): string {
  const full = { ...EMPTY, ...state };
  const params = new URLSearchParams();
  const put = (key: string, value: string | number | undefined) => {
    if (value !== undefined && value !== '') params.append(key, String(value));
  };
  put('q', full.q);
  put('genre', full.genres.join(','));
  put('type', full.types.join(','));
  put('from', full.from);
  put('to', full.to);
  put('on', full.on.join(','));
  for (const person of full.people) put('with', person);
  put('lang', full.languages.join(','));
  put('rating', full.rating);
  put('max', full.runtime);
  put('here', full.here ? '1' : '');
  put('mine', full.mine ? '1' : '');
  // Without words the best match is what is most popular.
  put('sort', full.sort === 'relevance' || (full.sort === 'popular' && !full.q && !full.intent) ? '' : full.sort);
  put('intent', full.intent ? JSON.stringify(full.intent) : '');
  put('was', full.intent ? full.was : '');
  put('page', full.page > 1 ? full.page : '');
  const text = params.toString().replaceAll('%2C', ',');
  return text ? `/search?${text}` : '/search';
}

export interface Place {
  region: string;
  services: string[];
}

/** What the API is asked. Years, services and people of the filters hold besides what the query itself says. */
export function request(state: SearchState, place: Place): SearchRequest {
  const mine = state.mine && place.services.length > 0;
  const years = state.from !== undefined || state.to !== undefined;
  return {
    query: state.q,
    filters: {
      genres: state.genres,
      content_types: state.types as ('movie' | 'tv_show')[],
      year_range: years ? { from: state.from ?? null, to: state.to ?? null } : null,
      platforms: state.on.length ? state.on : mine ? place.services : [],
      people: state.people,
      languages: state.languages,
      min_rating: state.rating ?? null,
      max_runtime_minutes: state.runtime ?? null,
    },
    region: state.here || mine ? place.region : null,
    page: state.page,
    page_size: PAGE_SIZE,
    facets: ['genres', 'content_types', 'decades', 'platforms', 'languages'],
    ...(state.sort === 'relevance' ? {} : { sort: state.sort }),
    ...(state.intent ? { intent: state.intent } : {}),
  } as SearchRequest;
}

/** The address of a search that the API gave as data. */
export function addressOf(search: SearchRequest): string {
  const filters: Partial<Schemas['SearchFilters']> = search.filters ?? {};
  return write({
    q: search.query ?? '',
    genres: filters.genres ?? [],
    types: filters.content_types ?? [],
    from: filters.year_range?.from ?? undefined,
    to: filters.year_range?.to ?? undefined,
    on: filters.platforms ?? [],
    people: filters.people ?? [],
    languages: filters.languages ?? [],
    rating: filters.min_rating ?? undefined,
    runtime: filters.max_runtime_minutes ?? undefined,
    here: Boolean(search.region),
    sort: search.sort ?? 'relevance',
    intent: search.intent ?? undefined,
    page: search.page ?? 1,
  });
}

/** The address of the filters alone. */
export const filtersOf = (state: SearchState): string => write({ ...state, q: '', page: 1, sort: 'relevance', intent: undefined });

/** Whether anything but the words narrows the search. */
export function narrowed(state: SearchState): boolean {
  return filtersOf(state) !== '/search';
}

/** Every way to ask for a little less, for when nothing was found: one filter dropped at a time. */
export function relaxations(state: SearchState): { dropped: keyof SearchState; value: string; state: SearchState }[] {
  const ways: { dropped: keyof SearchState; value: string; state: SearchState }[] = [];
  const base = { ...state, page: 1 };
  for (const field of ['genres', 'types', 'on', 'people', 'languages'] as const) {
    for (const value of state[field]) ways.push({ dropped: field, value, state: { ...base, [field]: state[field].filter((other) => other !== value) } });
  }
  if (state.from !== undefined || state.to !== undefined)
    ways.push({ dropped: 'from', value: `${state.from ?? ''}–${state.to ?? ''}`, state: { ...base, from: undefined, to: undefined } });
  if (state.rating !== undefined) ways.push({ dropped: 'rating', value: String(state.rating), state: { ...base, rating: undefined } });
  if (state.runtime !== undefined) ways.push({ dropped: 'runtime', value: String(state.runtime), state: { ...base, runtime: undefined } });
  if (state.mine) ways.push({ dropped: 'mine', value: '', state: { ...base, mine: false } });
  if (state.here) ways.push({ dropped: 'here', value: '', state: { ...base, here: false } });
  if (state.q && state.sort !== 'relevance') ways.push({ dropped: 'sort', value: state.sort, state: { ...base, sort: 'relevance' } });
  if (state.q && narrowed(state)) ways.push({ dropped: 'q', value: state.q, state: { ...base, q: '', intent: undefined } });
  return ways.slice(0, 6);
}

/** Every single thing that was asked for, by itself: the next try where dropping one does not help. */
export function alone(state: SearchState): { dropped: keyof SearchState; value: string; state: SearchState }[] {
  return relaxations(state).filter(({ dropped }) => dropped !== 'sort').map(({ dropped, value }) => {
    const one: SearchState = { ...EMPTY };
    if (dropped === 'from') [one.from, one.to] = [state.from, state.to];
    else if (dropped === 'genres' || dropped === 'types' || dropped === 'on' || dropped === 'people' || dropped === 'languages') (one[dropped] as string[]) = [value];
    else Object.assign(one, { [dropped]: state[dropped] });
    return { dropped, value, state: one };
  });
}

/** What an old address asks for and is no longer there, or can't be read any more (`intent`, and `unread` of anything else), or lies beyond the last `page`. */
export interface Lost {
  field: 'genres' | 'platforms' | 'languages' | 'moods' | 'like' | 'region' | 'intent' | 'unread' | 'page';
  value: string;
}

/** What an address says that `read` leaves out; what other programs add to addresses is none of ours. */
export function unread(params: URLSearchParams): Lost[] {
  const state = read(params);
  const said = (key: string) => params.get(key)?.trim() ?? '';
  const figures: [string, number, number][] = [['from', 1870, 2100], ['to', 1870, 2100], ['rating', 0, 10], ['max', 1, 600], ['page', 1, Number.MAX_SAFE_INTEGER]];
  const lists: [string, string[]][] = [['genre', state.genres], ['type', state.types], ['on', state.on], ['lang', state.languages]];
  const values = [
    ...figures.filter(([key, least, most]) => number(params.get(key), least, most) === undefined).map(([key]) => said(key)),
    ...(SORTS.some((sort) => sort === params.get('sort')) ? [] : [said('sort')]),
    ...lists.flatMap(([key, kept]) => said(key).split(',').map((word) => word.trim()).filter((word) => !kept.includes(word))),
  ];
  const intent: Lost[] = said('intent') && !state.intent ? [{ field: 'intent', value: '' }] : [];
  return [...[...new Set(values)].filter(Boolean).map((value): Lost => ({ field: 'unread', value })), ...intent];
}

const NAMED = { genres: 'genres', platforms: 'on', languages: 'languages' } as const;

/** The search without what the API says that it does not know, and what that is; nothing where it refused something else. */
export function withdrawn(state: SearchState, place: Place, fault: { code: string; field: string }): { state: SearchState; lost: Lost } | undefined {
  const base = { ...state, page: 1 };
  if (fault.code === 'unknown_region') return { state: { ...base, here: false, mine: false }, lost: { field: 'region', value: place.region } };
  const [, whose, no, list, at] = /^(filters|intent)(\.exclude)?\.(genres|platforms|languages|moods|like)\[(\d+)\]$/.exec(fault.field) ?? [];
  const field = list as Exclude<Lost['field'], 'region' | 'intent' | 'unread' | 'page'> | undefined;
  if (!fault.code.startsWith('unknown_') || !field) return state.intent && fault.field.startsWith('intent') ? { state: { ...base, intent: undefined }, lost: { field: 'intent', value: '' } } : undefined;
  if (whose === 'filters') {
    const asked = request(state, place).filters?.[field as 'genres' | 'platforms' | 'languages'] ?? [];
    const value = asked[Number(at)];
    const own = NAMED[field as keyof typeof NAMED];
    if (value === undefined || !own) return undefined;
    // A service of mine that is gone is none of the address: all of mine are left out.
    const rest = state[own].includes(value) ? { [own]: state[own].filter((other) => other !== value) } : { mine: false };
    return { state: { ...base, ...rest }, lost: { field, value } };
  }
  const intent = JSON.parse(JSON.stringify(state.intent ?? {})) as Record<string, unknown>;
  const holder = (no ? intent.exclude : intent) as Record<string, string[]> | undefined;
  const [value] = holder?.[field]?.splice(Number(at), 1) ?? [];
  return value === undefined ? undefined : { state: { ...base, intent: intent as unknown as Intent }, lost: { field, value } };
}
