/** What a search asks for, in the person's language. */
import { genreName, languageName, number, regionName, runtime, t, year } from './i18n.svelte';
import { prefs } from './prefs.svelte';
import type { SearchState } from './search-state';
import { serviceName } from './services.svelte';

/** Its parts, the words first; none for everything. */
export function described(state: SearchState): string[] {
  const { from, to } = state;
  const years = from !== undefined && to !== undefined ? t('intent-years', { from: year(from), to: year(to) }) : from !== undefined ? t('intent-from', { from: year(from) }) : to !== undefined ? t('intent-to', { to: year(to) }) : '';
  return [
    state.q, ...state.types.map((type) => t(`type-${type}`)), ...state.genres.map(genreName), years, ...state.people, ...state.on.map(serviceName), ...state.languages.map(languageName),
    state.runtime ? t('facet-runtime-max', { time: runtime(state.runtime) }) : '', state.rating ? t('facet-rating-min', { rating: number(state.rating) }) : '',
    state.here ? t('facet-here', { region: regionName(prefs.region) }) : '', state.sort === 'relevance' ? '' : t(`sort-${state.sort}`),
    state.page > 1 ? t('results-page-short', { page: number(state.page) }) : '',
  ].filter(Boolean);
}
