/** What is said of what an old address asks for in vain. */
import { comma, genreName, known, languageName, number, regionName, t } from './i18n.svelte';
import type { Lost } from './search-state';
import { serviceName } from './services.svelte';
import { shortened } from './shortened';

/** The most values that are named. */
const NAMED = 5;

/** A sentence for each kind of loss. */
export function losses(all: Lost[]): string[] {
  const of = (test: (field: Lost['field']) => boolean) => all.filter(({ field }) => test(field)).slice(0, NAMED);
  const unlisted = of((field) => !['intent', 'unread', 'page'].includes(field));
  const unread = of((field) => field === 'unread');
  return [
    ...(unlisted.length ? [t('lost', { what: unlisted.map(named).join(comma()), count: unlisted.length })] : []),
    ...(unread.length ? [t('lost-unread', { what: unread.map(named).join(comma()) })] : []),
    ...(all.some(({ field }) => field === 'intent') ? [t('lost-intent')] : []),
    ...of((field) => field === 'page').map(({ value }) => t('lost-page', { page: number(Number(value)) })),
  ];
}

function named({ field, value }: Lost): string {
  if (field === 'platforms') return serviceName(value);
  if (field === 'genres') return genreName(value);
  if (field === 'languages') return languageName(value);
  if (field === 'moods') return known(`mood-${value}`) ?? value;
  return field === 'region' ? regionName(value) : t('quoted', { what: shortened(value) });
}
