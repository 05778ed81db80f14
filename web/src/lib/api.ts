/** The API, typed by its own document, with every failure told apart by what a person can do about it. */
import createClient from 'openapi-fetch';
import type { components, paths } from '../api/schema';
import type { Count } from './count.svelte';

export type Schemas = components['schemas'];
export type Content = Schemas['Content'];
export type Offer = Schemas['Offer'];
export type SearchRequest = Schemas['SearchRequest'];
export type SearchResponse = Schemas['SearchResponse'];
export type SearchResult = Schemas['SearchResult'];
export type Intent = Schemas['ParsedIntent'];

/** Longer than any answer may take: search is given five seconds by the server. */
const PATIENCE_MS = 9_000;
/** The most answers kept in memory. */
const KEPT = 80;

export type FaultKind =
  | 'offline' // this device has no network
  | 'down' // nothing answers, or it says it can't
  | 'slow' // no answer in time
  | 'busy' // asked too often
  | 'gone' // there is no such thing
  | 'refused' // the question itself is wrong
  | 'nonsense'; // an answer that is none

export class Fault extends Error {
  constructor(
    readonly kind: FaultKind,
    /** What the server says of it, in English. */
    readonly detail = '',
    /** Seconds until asking again makes sense. */
    readonly retryAfter?: number,
    /** The trace to quote when asking for help. */
    readonly trace?: string,
    /** The name of the refusal, and of the first field at fault. */
    readonly code = '',
    readonly field = '',
  ) {
    super(`${kind} ${detail}`);
  }
}

/** The first question of a page is asked by its head, before the app is there; where the app asks just that, it takes the answer. */
interface Early {
  /** Address, language and body. */
  u: string;
  t: string;
  b: string;
  answer: Promise<Response>;
}

async function ask(request: Request): Promise<Response> {
  const page = window as unknown as { early?: Early };
  const [early, url] = [page.early, new URL(request.url)];
  if (!early || early.u.split('?')[0] !== url.pathname) return fetch(request);
  delete page.early;
  const same = url.pathname + url.search === early.u && request.headers.get('accept-language') === early.t && (await request.clone().text()) === early.b;
  return same ? early.answer : fetch(request);
}

const client = createClient<paths>({ baseUrl: location.origin, fetch: ask });

/** When each answer was given: by the clock of the server, or of this device where the server wrote it into the page. */
const times = new WeakMap<object, string>();
export const answeredAt = (answer: object): string | undefined => times.get(answer);

function dated<T>(answer: T, date: string | null | undefined): T {
  const at = new Date(date ?? Date.now());
  if (typeof answer === 'object' && answer && !times.has(answer) && !Number.isNaN(at.getTime())) times.set(answer, at.toISOString());
  return answer;
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Waits for an answer, at most so long, and turns whatever else happens into a `Fault`. */
async function answer<T>(ask: (signal: AbortSignal) => Promise<Answer<T>>, signal: AbortSignal, good: (data: T) => boolean): Promise<T> {
  let reply: Answer<T>;
  const time = AbortSignal.timeout(PATIENCE_MS);
  try {
    reply = await ask(AbortSignal.any([signal, time]));
  } catch (error) {
    if (signal.aborted) throw error;
    if (time.aborted) throw new Fault('slow');
    if (error instanceof SyntaxError) throw new Fault('nonsense');
    throw new Fault(navigator.onLine ? 'down' : 'offline');
  }
  const { data, error, response } = reply;
  if (response.ok) {
    if (data !== undefined && data !== null && good(data)) return dated(data, response.headers.get('date'));
    throw new Fault('nonsense');
  }
  throw refusal(response, error as Partial<Schemas['Problem']> | undefined);
}

function refusal(response: Response, problem: Partial<Schemas['Problem']> | undefined): Fault {
  const wait = Number(response.headers.get('retry-after'));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? Math.min(wait, 120) : undefined;
  const { status } = response;
  const kind: FaultKind =
    status === 429 ? 'busy' : status === 404 || status === 410 ? 'gone' : status === 504 || status === 408 ? 'slow' : status < 500 ? 'refused' : 'down';
  return new Fault(kind, typeof problem?.detail === 'string' ? problem.detail : '', retryAfter, problem?.trace_id ?? undefined, problem?.code, problem?.errors?.[0]?.field);
}

const memory = new Map<string, unknown>();

/** What was answered before, so that going back is at once. */
export function remembered<T>(key: string): T | undefined {
  return memory.get(key) as T | undefined;
}

function remember<T>(key: string, value: T): T {
  dated(value, undefined);
  memory.delete(key);
  memory.set(key, value);
  if (memory.size > KEPT) memory.delete(memory.keys().next().value!);
  return value;
}

export function searchKey(request: SearchRequest, language: string): string {
  return `search ${language} ${JSON.stringify(request)}`;
}

const language = (tag: string) => ({ 'Accept-Language': tag });

/** The cache of the browser that holds the answers of the last searches: a service worker keeps no POST. */
const SEARCHED = 'searched';
const MOST_SEARCHED = 20;
let keeping: ReturnType<typeof setTimeout> | undefined;

/** Keeps an answer for when there is no network, once nobody types any more. */
function keepSearch(key: string, data: SearchResponse): void {
  clearTimeout(keeping);
  keeping = setTimeout(async () => {
    try {
      const kept = await caches.open(SEARCHED);
      await kept.delete(place(key));
      await kept.put(place(key), Response.json(data, { headers: { [COUNT]: JSON.stringify(countOf(data)), [WHEN]: new Date().toISOString() } }));
      for (const old of (await kept.keys()).slice(0, -MOST_SEARCHED)) await kept.delete(old);
    } catch {
      // No room, or no cache outside https: nothing is kept, and nothing else breaks.
    }
  }, 1_000);
}

const [COUNT, WHEN] = ['x-count', 'x-when'];
const countOf = ({ total_count, total_count_is_capped, fitting_count }: Count): Count => ({ total_count, total_count_is_capped, fitting_count });
/** A number where an earlier release of the app wrote it. */
function readCount(text: string | null | undefined): Count {
  const kept = JSON.parse(text || '0') as Count | number;
  return typeof kept === 'number' ? { total_count: kept, total_count_is_capped: false } : kept;
}

export interface Searched {
  search: SearchRequest;
  count: Count;
  /** When it was answered. */
  at: string;
}

/** The searches that open without a network, the last first. */
export async function searched(): Promise<Searched[]> {
  try {
    const kept = await caches.open(SEARCHED);
    const all = await Promise.all((await kept.keys()).map(async (request): Promise<Searched[]> => {
      try {
        const key = decodeURIComponent(new URL(request.url).search.slice(1));
        const headers = (await kept.match(request))?.headers;
        const at = headers?.get(WHEN);
        return at ? [{ search: JSON.parse(key.slice(key.indexOf('{'))) as SearchRequest, count: readCount(headers!.get(COUNT)), at }] : [];
      } catch {
        return []; // one of another time
      }
    }));
    return all.flat().reverse();
  } catch {
    return []; // no cache
  }
}

const place = (key: string) => `/searched?${encodeURIComponent(key)}`;

/** The answer as it was when there was a network. */
async function keptSearch(key: string): Promise<SearchResponse | undefined> {
  try {
    const kept = await (await caches.open(SEARCHED)).match(place(key));
    return kept && dated((await kept.json()) as SearchResponse, kept.headers.get(WHEN));
  } catch {
    return undefined;
  }
}

export async function search(body: SearchRequest, tag: string, signal: AbortSignal): Promise<SearchResponse> {
  const key = searchKey(body, tag);
  const ask = (both: AbortSignal) => client.POST('/api/v1/search', { body, headers: language(tag), signal: both });
  const whole = (data: SearchResponse) => Array.isArray(data.results) && typeof data.total_count === 'number' && !!data.query_parsed;
  try {
    const data = await answer(ask, signal, whole);
    keepSearch(key, data);
    return remember(key, data);
  } catch (error) {
    const kept = error instanceof Fault && error.kind === 'offline' ? await keptSearch(key) : undefined;
    if (kept) return kept;
    throw error;
  }
}

export async function content(id: string, tag: string, signal: AbortSignal): Promise<Content> {
  const ask = (both: AbortSignal) =>
    client.GET('/api/v1/content/{id}', { params: { path: { id } }, headers: language(tag), signal: both });
  return remember(`content ${tag} ${id}`, await answer(ask, signal, isContent));
}

export const isContent = (data: Content) => typeof data.id === 'string' && typeof data.title === 'string' && Array.isArray(data.availability);

/** Names of services by id. */
export async function platforms(signal: AbortSignal): Promise<Schemas['Platform'][]> {
  const known = remembered<Schemas['Platform'][]>('platforms');
  if (known) return known;
  const page = await answer((both) => client.GET('/api/v1/platforms', { params: { query: { with_titles: true } }, signal: both }), signal, (data) => Array.isArray(data.items));
  return remember('platforms', page.items);
}

/** The genres that titles have. */
export async function genres(signal: AbortSignal): Promise<Schemas['GenreCount'][]> {
  const known = remembered<Schemas['GenreCount'][]>('genres');
  if (known) return known;
  const page = await answer((both) => client.GET('/api/v1/genres', { signal: both }), signal, (data) => Array.isArray(data.items));
  return remember('genres', page.items.filter((genre) => genre.movie_count + genre.tv_show_count > 0));
}

export type Season = Schemas['Season'];
export type Episode = Schemas['Episode'];

/** The seasons of a series, by number. */
export async function seasons(id: string, tag: string, signal: AbortSignal): Promise<Season[]> {
  const ask = (both: AbortSignal) => client.GET('/api/v1/content/{id}/seasons', { params: { path: { id } }, headers: language(tag), signal: both });
  return remember(`seasons ${tag} ${id}`, (await answer(ask, signal, (data) => Array.isArray(data.seasons))).seasons);
}

/** The episodes of a season, by number. */
export async function episodes(id: string, number: number, tag: string, signal: AbortSignal): Promise<Episode[]> {
  const ask = (both: AbortSignal) => client.GET('/api/v1/content/{id}/seasons/{number}', { params: { path: { id, number } }, headers: language(tag), signal: both });
  return remember(`episodes ${tag} ${id} ${number}`, (await answer(ask, signal, (data) => Array.isArray(data.episodes))).episodes);
}

export { remember };

export type Suggestion = Schemas['Suggestion'];
export type DiscoverRow = Schemas['DiscoverRow'];
export type Discovery = Schemas['Discovery'];
export type TitleCard = Schemas['TitleCard'];
export type Similar = Schemas['SimilarResponse'];

/** What someone who types may mean: titles, people, genres. */
export async function suggest(q: string, tag: string, signal: AbortSignal, limit = 5): Promise<Suggestion[]> {
  const ask = (both: AbortSignal) => client.GET('/api/v1/search/autocomplete', { params: { query: { q, limit } }, headers: language(tag), signal: both });
  return (await answer(ask, signal, (data) => Array.isArray(data.suggestions))).suggestions;
}

/** Whether there is enough of a title to draw it. */
const isCard = (card: { [Name in 'id' | 'title' | 'genres' | 'countries' | 'credits']?: unknown } | undefined) =>
  typeof card?.id === 'string' && typeof card.title === 'string' && [card.genres, card.countries, card.credits].every(Array.isArray);

export async function similar(id: string, tag: string, signal: AbortSignal): Promise<Similar> {
  const ask = (both: AbortSignal) => client.GET('/api/v1/content/{id}/similar', { params: { path: { id }, query: { limit: 12 } }, headers: language(tag), signal: both });
  const whole = (data: Similar) => Array.isArray(data.results) && data.results.every((result) => isCard(result?.content) && Array.isArray(result.match_reasons));
  return remember(`similar ${tag} ${id}`, await answer(ask, signal, whole));
}

/** Rows of the first answer, and of each that follows when the end of the page comes near. */
const ROWS = { first: 4, then: 6 };

/** All rows of a place that were asked for in this visit. */
export const discovered = (region: string, tag: string) => remembered<Discovery>(`discover ${tag} ${region}`);

/** The rows from one on; gives all that are known then. */
export async function discover(region: string, tag: string, from: number, signal: AbortSignal): Promise<Discovery> {
  const query = { region, from, rows: from ? ROWS.then : ROWS.first };
  const ask = (both: AbortSignal) => client.GET('/api/v1/discover', { params: { query }, headers: language(tag), signal: both });
  const isRow = (row: DiscoverRow) => typeof row?.id === 'string' && typeof row.search === 'object' && Array.isArray(row.items) && row.items.every(isCard);
  const answered = await answer(ask, signal, (data) => Array.isArray(data.rows) && data.rows.every(isRow));
  const { rows, total } = answered;
  const before = from ? (discovered(region, tag)?.rows ?? []).slice(0, from) : [];
  // Where nothing more comes there is no more, whatever the total says.
  const all = dated({ rows: [...before, ...rows], total: rows.length ? total : from }, answeredAt(answered));
  return remember(`discover ${tag} ${region}`, all);
}
