import { describe, expect, it } from 'vitest';
import addresses from './addresses.json';
import { addressOf, EMPTY, narrowed, read, relaxations, request, unread, withdrawn, write, type SearchState } from './search-state';

const place = { region: 'DE', services: ['netflix', 'tubi'] };
const state = (more: Partial<SearchState> = {}): SearchState => ({ ...EMPTY, ...more });

describe('the address of a search', () => {
  it.each<Partial<SearchState>>([
    { q: 'heist & "co" 🎬' },
    { q: 'x', genres: ['crime', 'drama'], types: ['movie'], from: 1990, to: 1999, on: ['max'], people: ['Al Pacino', 'Sam, Jr.'], languages: ['en'], rating: 7.5, runtime: 120, here: true, mine: true, sort: 'newest', page: 3 },
    { q: 'ada', was: 'by ada', intent: { text: '', like: [], people: ['Ada Wren'], genres: [], content_types: [], platforms: [] } as never },
  ])('holds all of it: %j', (more) => {
    const whole = state(more);
    const back = read(new URL(write(whole), 'http://x').searchParams);
    expect(JSON.parse(JSON.stringify(back))).toEqual(JSON.parse(JSON.stringify(whole)));
  });

  it('is one for one search', () => {
    expect(write({ to: 1999, q: 'a' })).toBe(write({ q: 'a', to: 1999 }));
    expect(write({})).toBe('/search');
  });

  it.each<[string, Partial<SearchState>]>([
    ['from=1999&to=1990', { from: 1990, to: 1999 }],
    ['from=abc&to=99999&page=-4&rating=11&max=0', {}],
    ['genre=drama,,DROP%20TABLE,drama', { genres: ['drama'] }],
    ['intent=%7Bnot%20json', {}],
    ['intent=%5B1%5D&type=film&sort=hot&utm_source=x', {}],
    ['page=9999', { page: 50 }],
    ['sort=recently_added&was=x', { sort: 'recently_added' }],
    ['on=british_pathé_tv', { on: ['british_pathé_tv'] }],
  ])('makes sense of %s', (text, expected) => {
    expect(JSON.parse(JSON.stringify(read(new URLSearchParams(text))))).toEqual(JSON.parse(JSON.stringify(state(expected))));
  });

  it.each<[string, string]>([
    ['q=harbour&genre=drama&type=movie&from=1990&rating=7.5&page=9999&sort=newest&intent={}&utm_source=x', ''],
    ['from=soon&to=99999&page=-4&rating=11&max=0&sort=hot', 'soon 99999 11 0 -4 hot'],
    ['genre=drama,,DROP%20TABLE&type=film,movie&on=&sort=', 'DROP TABLE film'],
    ['intent=%7Bnot%20json&from=soon', 'soon intent:'],
  ])('says what it can make nothing of: %s', (text, left) => {
    const said = unread(new URLSearchParams(text)).map(({ field, value }) => (field === 'unread' ? value : `${field}:${value}`));
    expect(said.join(' ')).toBe(left);
    expect(unread(new URL(write(read(new URLSearchParams(text))), 'http://x').searchParams)).toEqual([]);
  });

  it('takes no more than the API does', () => {
    expect([...read(new URLSearchParams({ q: '🎬'.repeat(3000) })).q]).toHaveLength(2000);
    expect(read(new URLSearchParams({ genre: Array.from({ length: 99 }, (_, at) => `g${at}`).join() })).genres).toHaveLength(20);
  });
});

describe('an address without a place', () => {
  // The server's own pages read the same (crates/web): one table for both.
  it.each(addresses.map(({ address, request: asked }) => [address, asked] as const))('asks the same here and at the server: %s', (address, asked) => {
    const { facets: _, ...body } = request({ ...read(new URLSearchParams(address)), here: false, mine: false }, place);
    expect(JSON.parse(JSON.stringify(body))).toEqual(asked);
  });
});

describe('the request', () => {
  it('names the region only where that is asked for', () => {
    expect(request(state({ q: 'a' }), place).region).toBeNull();
    expect(request(state({ here: true }), place).region).toBe('DE');
    expect(request(state({ mine: true }), place)).toMatchObject({ region: 'DE', filters: { platforms: ['netflix', 'tubi'] } });
  });

  it('lets a chosen service win over mine, and mine mean nothing without services', () => {
    expect(request(state({ mine: true, on: ['max'] }), place).filters?.platforms).toEqual(['max']);
    expect(request(state({ mine: true }), { ...place, services: [] })).toMatchObject({ region: null, filters: { platforms: [] } });
  });

  it('carries an intent only once it was edited', () => {
    expect(request(state({ q: 'a' }), place)).not.toHaveProperty('intent');
    const intent = { text: 'a' } as never;
    expect(request(state({ q: 'a', intent }), place)).toHaveProperty('intent', intent);
  });
});

it('has an order only where it is another than that of the best match', () => {
  expect(write({ q: 'a', sort: 'popular' })).toBe('/search?q=a&sort=popular');
  expect(write({ sort: 'popular' })).toBe('/search');
  expect(request(state({ q: 'a' }), place)).not.toHaveProperty('sort');
  expect(request(state({ sort: 'newest' }), place)).toHaveProperty('sort', 'newest');
  expect(narrowed(state({ sort: 'newest' }))).toBe(false);
  expect(relaxations(state({ q: 'a', sort: 'newest' }))[0]).toMatchObject({ dropped: 'sort', state: { sort: 'relevance' } });
});

it('leaves out what an old address asks for in vain, and says what', () => {
  const old = state({ genres: ['drama', 'film_noir_revival'], on: ['filmstrip'], mine: true, page: 3, intent: { text: 'x', like: ['Heat', 'Gone'], exclude: { genres: ['nope'] } } as never });
  const lose = (code: string, field: string) => withdrawn(old, place, { code, field });
  expect(lose('unknown_genre', 'filters.genres[1]')).toMatchObject({ state: { genres: ['drama'], on: ['filmstrip'], page: 1 }, lost: { field: 'genres', value: 'film_noir_revival' } });
  expect(lose('unknown_platform', 'filters.platforms[0]')).toMatchObject({ state: { on: [] }, lost: { value: 'filmstrip' } });
  expect(withdrawn(state({ mine: true }), place, { code: 'unknown_platform', field: 'filters.platforms[1]' })).toMatchObject({ state: { mine: false }, lost: { value: 'tubi' } });
  expect(lose('unknown_title', 'intent.like[1]')).toMatchObject({ state: { intent: { like: ['Heat'] } }, lost: { value: 'Gone' } });
  expect(lose('unknown_genre', 'intent.exclude.genres[0]')).toMatchObject({ state: { intent: { exclude: { genres: [] } } }, lost: { value: 'nope' } });
  expect(lose('unknown_field', 'intent.colour')).toMatchObject({ state: { intent: undefined }, lost: { field: 'intent' } });
  expect(lose('unknown_region', 'region')).toMatchObject({ state: { here: false, mine: false }, lost: { value: 'DE' } });
  expect(lose('query_too_long', 'query')).toBeUndefined();
  expect(lose('unknown_genre', 'filters.genres[9]')).toBeUndefined();
});

it('gives a row of the discover page its address', () => {
  const row = { query: '', filters: { genres: ['crime'], year_range: { from: 1990, to: 1999 } }, region: null } as never;
  expect(addressOf(row)).toBe('/search?genre=crime&from=1990&to=1999');
  expect(addressOf({ query: 'directed by X', sort: 'popular' } as never)).toBe('/search?q=directed+by+X&sort=popular');
});

it('drops one filter at a time where nothing was found', () => {
  const ways = relaxations(state({ q: 'a', genres: ['crime', 'war'], from: 1990, here: true, page: 4 }));
  expect(ways.map(({ dropped, value }) => [dropped, value])).toEqual([['genres', 'crime'], ['genres', 'war'], ['from', '1990–'], ['here', ''], ['q', 'a']]);
  expect(ways[0]!.state).toMatchObject({ genres: ['war'], from: 1990, page: 1 });
  expect(relaxations(state({ q: 'a' }))).toEqual([]);
  expect(narrowed(state({ q: 'a' }))).toBe(false);
});
