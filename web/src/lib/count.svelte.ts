/** How many there are, and what that counts. */
import type { SearchResponse } from './api';
import { t } from './i18n.svelte';

export type Count = Pick<SearchResponse, 'total_count' | 'total_count_is_capped' | 'fitting_count'>;

/** How many have all that was asked for, and then how many come near, where there are others. */
export function counted({ total_count: count, total_count_is_capped, fitting_count: fitting }: Count): [string, ...string[]] {
  const capped = total_count_is_capped ? 'yes' : 'no';
  if (fitting == null && count > 0) return [t('results-near', { count, capped })];
  if (fitting == null || fitting >= count) return [t('results-count', { count: fitting ?? count, capped: 'no' })];
  return [t('results-fitting', { fitting }), t('results-besides', { count, capped })];
}
