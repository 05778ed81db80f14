/** What was seen last in this browser, for when there is no network. */
import type { Content } from './api';

export interface Seen {
  id: string;
  title: string;
  release_year: number | null;
  runtime_minutes: number | null;
  genres: string[];
  countries: string[];
  credits: { name: string; role: string }[];
  at: number;
}

const KEY = 'mg.seen';
/** The service worker keeps as many whole titles. */
const MOST = 30;

export function seen(): Seen[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter((one): one is Seen => typeof one?.id === 'string' && typeof one?.title === 'string') : [];
  } catch {
    return [];
  }
}

export function saw(content: Content, at = Date.now()): void {
  const { id, title, genres, countries } = content;
  const credits = content.credits.filter((credit) => credit.role === 'director').slice(0, 2);
  const one: Seen = {
    id, title, genres, countries, credits, at,
    release_year: content.release_year ?? null, runtime_minutes: content.runtime_minutes ?? null,
  };
  try {
    localStorage.setItem(KEY, JSON.stringify([one, ...seen().filter((other) => other.id !== id)].slice(0, MOST)));
  } catch {
    // Storage is full or blocked: nothing is kept, and nothing else breaks.
  }
}
