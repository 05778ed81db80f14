/** Where the address of a search leads on to. Pure. */
import { asTyped, phrase } from './intent';
import { read, unread, withdrawn, write, type Lost, type Place, type SearchState } from './search-state';

/** The address of a search in whose box the words of its intent stand; of one that holds nothing any more, that of everything. */
export function worded(state: SearchState, service: (id: string) => string): string {
  if (!state.intent) return write(state);
  const q = phrase(state.intent, service);
  const was = state.was ?? (q === state.q ? undefined : state.q);
  return write({ ...state, q, ...(q ? { was } : { intent: undefined, was: undefined }) });
}

export interface Onward {
  to: string;
  /** What is lost on the way. */
  lost: Lost[];
}

/** What the API made of the address: what it refused, and the last page where there is nothing on the one that was asked for. */
export interface Outcome {
  refused?: { code: string; field: string };
  last?: number;
}

/**
 * An old address leads to what of it still stands, one whose words and chips say different things to what the chips say, and one
 * beyond the last page to the last; all others lead nowhere else.
 */
export function onward(params: URLSearchParams, place: Place, service: (id: string) => string, { refused, last }: Outcome): Onward | undefined {
  const [asked, left] = [read(params), unread(params)];
  if (left.length) return { to: write(asked), lost: left };
  const gone = refused && withdrawn(asked, place, refused);
  if (gone) return { to: worded(gone.state, service), lost: [gone.lost] };
  const to = asked.intent && !asTyped(asked.intent, asked.q) ? worded(asked, service) : write(asked);
  if (to !== write(asked)) return { to, lost: [] };
  if (last && asked.page > last) return { to: write({ ...asked, page: last }), lost: [{ field: 'page', value: params.get('page') ?? '' }] };
  return undefined;
}
