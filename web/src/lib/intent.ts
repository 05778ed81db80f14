/** What a query was taken to mean, as chips that can be changed one by one. Pure. */
import type { Intent } from './api';

/** Lists of words, and the list of the same words that the query does not want, where there is one. */
export const LISTS = ['content_types', 'genres', 'people', 'like', 'moods', 'platforms', 'languages', 'countries'] as const;
export type ListField = (typeof LISTS)[number];
export const EXCLUDABLE = ['genres', 'people', 'like', 'text', 'platforms', 'languages', 'countries'] as const;
export type ExcludeField = (typeof EXCLUDABLE)[number];

export type Chip =
  | { kind: 'list'; field: ListField; value: string; not: false }
  | { kind: 'list'; field: ExcludeField; value: string; not: true }
  | { kind: 'years'; from?: number; to?: number }
  | { kind: 'runtime'; minutes: number }
  | { kind: 'text'; text: string };

const list = (intent: Intent, field: string): string[] => {
  const value = (intent as unknown as Record<string, unknown>)[field];
  return Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : [];
};
const excluded = (intent: Intent): Record<string, string[]> => {
  const value = (intent as unknown as { exclude?: unknown }).exclude;
  return value && typeof value === 'object' ? (value as Record<string, string[]>) : {};
};

/** The chips, in the order that people say such things. The left-over words are one only beside something else. */
export function chips(intent: Intent, query: string): Chip[] {
  const all: Chip[] = LISTS.flatMap((field) => list(intent, field).map((value): Chip => ({ kind: 'list', field, value, not: false })));
  const { from, to } = intent.year_range ?? {};
  if (from != null || to != null) all.push({ kind: 'years', from: from ?? undefined, to: to ?? undefined });
  const minutes = (intent as { max_runtime_minutes?: number | null }).max_runtime_minutes;
  if (minutes != null) all.push({ kind: 'runtime', minutes });
  const no = excluded(intent);
  for (const field of EXCLUDABLE) for (const value of no[field] ?? []) all.push({ kind: 'list', field, value, not: true });
  const text = (intent.text ?? '').trim();
  const same = text.toLowerCase() === query.trim().toLowerCase();
  if (text && (all.length > 0 || !same)) all.push({ kind: 'text', text });
  return all;
}

/** A copy that can be changed. */
const copy = (intent: Intent): Intent & Record<string, unknown> => JSON.parse(JSON.stringify(intent));

/** The intent without a chip. */
export function without(intent: Intent, chip: Chip): Intent {
  const changed = copy(intent);
  if (chip.kind === 'text') changed.text = '';
  else if (chip.kind === 'years') changed.year_range = null;
  else if (chip.kind === 'runtime') (changed as Record<string, unknown>).max_runtime_minutes = null;
  else if (chip.not) {
    const no = excluded(changed);
    no[chip.field] = (no[chip.field] ?? []).filter((value) => value !== chip.value);
  } else (changed as Record<string, unknown>)[chip.field] = list(changed, chip.field).filter((value) => value !== chip.value);
  return settled(changed);
}

/** How many values of its kind the query wants. */
export const siblings = (intent: Intent, chip: Chip): number => (chip.kind === 'list' && !chip.not ? list(intent, chip.field).length : 0);

/** The intent with another chip in the place of one; `only`: and nothing else of its kind. */
export function replaced(intent: Intent, chip: Chip, next: Chip, only = false): Intent {
  const changed = copy(intent);
  if (next.kind === 'years') changed.year_range = { from: next.from ?? null, to: next.to ?? null };
  else if (next.kind === 'runtime') (changed as Record<string, unknown>).max_runtime_minutes = next.minutes;
  else if (next.kind === 'text') changed.text = next.text;
  else if (chip.kind === 'list') {
    const stays = chip.field === next.field && chip.not === next.not;
    const put = (values: string[]) => [...new Set(only ? [next.value] : stays ? values.map((value) => (value === chip.value ? next.value : value)) : [...values, next.value])];
    const rest = stays ? changed : copy(without(changed, chip));
    const no = excluded(rest);
    if (next.not) no[next.field] = put(no[next.field] ?? []);
    else (rest as Record<string, unknown>)[next.field] = put(list(rest, next.field));
    return settled(rest);
  }
  return settled(changed);
}

const SPOKEN: Record<string, string> = { movie: 'films', tv_show: 'series' };
const english = (type: 'language' | 'region', code: string): string => {
  try {
    return new Intl.DisplayNames(['en'], { type }).of(code) ?? code;
  } catch {
    return code; // a source's own word
  }
};

/** An intent in the words that it could have been read from: what stands in the box once chips were edited. */
export function phrase(intent: Intent, service: (id: string) => string): string {
  const no = excluded(intent);
  const say = (field: string, value: string) =>
    field === 'genres' ? value.replaceAll('_', ' ')
    : field === 'content_types' ? (SPOKEN[value] ?? value)
    : field === 'platforms' ? service(value)
    : field === 'languages' ? english('language', value)
    : field === 'countries' ? english('region', value)
    : value;
  const told = (lead: string, field: string, values: string[], joined: string) => (values.length ? `${lead} ${values.map((value) => say(field, value)).join(joined)}`.trim() : '');
  const wants = (lead: string, field: ListField, joined = ' and ') => told(lead, field, list(intent, field), joined);
  const denies = (lead: string, field: ExcludeField) => told(lead, field, no[field] ?? [], ' or ');
  const { from, to } = intent.year_range ?? {};
  const decade = from != null && to === from + 9 && from % 10 === 0;
  const years = from != null && to != null ? (from === to ? `${from}` : decade ? `${from}s` : `${from}-${to}`) : from != null ? `since ${from}` : to != null ? `until ${to}` : '';
  const minutes = (intent as { max_runtime_minutes?: number | null }).max_runtime_minutes;
  const about = [decade ? years : '', wants('', 'moods', ' '), wants('', 'genres', ' '), (intent.text ?? '').trim(), wants('', 'content_types')].filter(Boolean).join(' ');
  const people = list(intent, 'people').length;
  const rest = [
    people ? wants(about ? 'with' : '', 'people') : '', wants('like', 'like'), wants('on', 'platforms'), wants('in', 'languages'), wants('from', 'countries'), decade ? '' : years,
    minutes != null ? `under ${minutes} minutes` : '', denies('not', 'genres'), denies('without', 'people'), denies('not like', 'like'), denies('without', 'text'),
    denies('not on', 'platforms'), denies('not in', 'languages'), denies('not from', 'countries'),
  ];
  return [about, ...rest].filter(Boolean).join(' ');
}

/** Once a person has edited it there is nothing left to be unsure about. */
function settled(intent: Intent): Intent {
  const changed = intent as unknown as Record<string, unknown>;
  if ('confidence' in changed) changed.confidence = 1;
  if ('clarification' in changed) changed.clarification = null;
  delete changed.question;
  if ('corrections' in changed) changed.corrections = [];
  return intent;
}

/** Nothing but the words as they were typed: no reading, no spelling. */
export const typed = (text: string): Intent => ({ text }) as Intent;

/** Whether an intent is that. */
export const asTyped = (intent: Intent, text: string): boolean => intent.text === text && chips(intent, text).length === 0;
