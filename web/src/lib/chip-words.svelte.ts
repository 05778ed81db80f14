/** What stands on the chips of an intent. */
import { genreName, known, languageName, regionName, runtime, t, year } from './i18n.svelte';
import type { Chip } from './intent';
import { serviceName } from './services.svelte';

/** A chip in the reader's language. */
export function label(chip: Chip): string {
  if (chip.kind === 'text') return t('intent-text', { text: chip.text });
  if (chip.kind === 'runtime') return t('intent-runtime', { time: runtime(chip.minutes) });
  if (chip.kind === 'years') {
    const [from, to] = [chip.from, chip.to];
    if (from !== undefined && to !== undefined) return from === to ? year(from) : t('intent-years', { from: year(from), to: year(to) });
    return from !== undefined ? t('intent-from', { from: year(from) }) : t('intent-to', { to: year(to!) });
  }
  const name = named(chip.field, chip.value);
  return chip.not ? t('intent-not', { what: name }) : name;
}

/** A word of the intent's in the reader's language. */
function named(field: string, value: string): string {
  if (field === 'genres') return genreName(value);
  if (field === 'content_types') return known(`intent-${value}`) ?? value;
  if (field === 'platforms') return serviceName(value);
  if (field === 'like') return t('intent-like', { title: value });
  if (field === 'languages') return languageName(value);
  if (field === 'countries') return regionName(value);
  if (field === 'moods') return known(`mood-${value}`) ?? value;
  return value;
}
