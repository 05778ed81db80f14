/** Of when what the page shows is, for when there is no network. */
import { answeredAt } from './api';

export const shown: { at?: string } = $state({});

/** A page says what it shows: an answer, or nothing yet. Gives how to take that back. */
export function shows(answer: object | undefined): () => void {
  shown.at = answer && answeredAt(answer);
  return () => void (shown.at = undefined);
}
