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

/** Whether a chip can be turned around: wanted, or not wanted. */
export const flips = (intent: Intent, chip: Chip): boolean =>
  chip.kind === 'list' && 'exclude' in intent && chip.field !== 'text' && (EXCLUDABLE as readonly string[]).includes(chip.field);

/** The intent with a chip turned around. */
export function flipped(intent: Intent, chip: Chip): Intent {
  if (!flips(intent, chip) || chip.kind !== 'list') return intent;
  const changed = copy(without(intent, chip));
  if (chip.not) (changed as Record<string, unknown>)[chip.field] = [...list(changed, chip.field), chip.value];
  else {
    const no = excluded(changed);
    no[chip.field] = [...(no[chip.field] ?? []), chip.value];
  }
  return settled(changed);
}

/** The intent with other years, minutes or words. */
export function changedTo(intent: Intent, chip: Chip): Intent {
  const changed = copy(intent);
  if (chip.kind === 'years') changed.year_range = { from: chip.from ?? null, to: chip.to ?? null };
  if (chip.kind === 'runtime') (changed as Record<string, unknown>).max_runtime_minutes = chip.minutes;
  if (chip.kind === 'text') changed.text = chip.text;
  return settled(changed);
}

/** Once a person has edited it there is nothing left to be unsure about. */
function settled(intent: Intent): Intent {
  const changed = intent as unknown as Record<string, unknown>;
  if ('confidence' in changed) changed.confidence = 1;
  if ('clarification' in changed) changed.clarification = null;
  if ('corrections' in changed) changed.corrections = [];
  return intent;
}

/** Nothing but the words as they were typed: no reading, no spelling. */
export const typed = (text: string): Intent => ({ text }) as Intent;

/** Whether an intent is that. */
export const asTyped = (intent: Intent, text: string): boolean => intent.text === text && chips(intent, text).length === 0;
