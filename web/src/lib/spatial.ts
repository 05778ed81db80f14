/** Moves focus by geometry, for remotes and arrow keys (after the W3C's CSS Spatial Navigation, without its overlap tie-breaks). */

export type Way = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight';
export const isWay = (key: string): key is Way => key.startsWith('Arrow');

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** How far `to` is from `from` going `way`; Infinity where it does not lie that way. What is in line counts as near. */
export function distance(from: Box, to: Box, way: Way): number {
  const across = way === 'ArrowLeft' || way === 'ArrowRight';
  const [near, far] = across ? (['left', 'right'] as const) : (['top', 'bottom'] as const);
  const [low, high] = across ? (['top', 'bottom'] as const) : (['left', 'right'] as const);
  const ahead = way === 'ArrowRight' || way === 'ArrowDown';
  // The middle must move on, so that what encloses or overlaps is reached in one direction only.
  const step = ((to[near] + to[far]) - (from[near] + from[far])) * (ahead ? 1 : -1);
  if (step <= 1) return Number.POSITIVE_INFINITY;
  const gap = Math.max(0, ahead ? to[near] - from[far] : from[near] - to[far]);
  const aside = Math.max(0, to[low] - from[high], from[low] - to[high]);
  // Left and right stay in their line: what is above or below is reached by going there.
  if (across && aside > 0) return Number.POSITIVE_INFINITY;
  const middle = Math.abs((to[low] + to[high]) - (from[low] + from[high])) / 2;
  return gap + aside * 3 + (aside ? 40 : 0) + middle * 0.15;
}

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), summary, [tabindex="0"]';

function reachable(root: ParentNode): HTMLElement[] {
  const seen = (element: HTMLElement) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().bottom + scrollY > 0;
  return [...root.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((element) => element.tabIndex >= 0 && seen(element));
}

/** Moves focus within `root`; false where nothing lies that way. */
export function move(root: ParentNode, way: Way): boolean {
  const from = document.activeElement as HTMLElement | null;
  const all = reachable(root);
  if (!from || from === document.body) {
    all[0]?.focus();
    return all.length > 0;
  }
  const start = from.getBoundingClientRect();
  const nearest = (among: HTMLElement[]): HTMLElement | undefined => {
    let best: { element: HTMLElement; far: number } | undefined;
    for (const element of among) {
      const far = element === from ? Number.POSITIVE_INFINITY : distance(start, element.getBoundingClientRect(), way);
      if (far < (best?.far ?? Number.POSITIVE_INFINITY)) best = { element, far };
    }
    return best?.element;
  };
  // The header lies over what is scrolled under it: it comes after all that the page still has that way.
  const page = from.closest('main');
  const to = (page && nearest(all.filter((element) => page.contains(element)))) ?? nearest(all);
  if (!to) return false;
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  return true;
}

/** Whether an arrow key means something else here: the caret of a box that still has text that way, or a choice. With a
 * remote a list of choices is opened first. */
export function ownsArrows(element: Element | null, way: Way, tv = false): boolean {
  if (element instanceof HTMLSelectElement) return !tv && (way === 'ArrowUp' || way === 'ArrowDown');
  if (!(element instanceof HTMLInputElement)) return false;
  if (element.type === 'number') return way === 'ArrowUp' || way === 'ArrowDown';
  if (element.type === 'radio') return true;
  if (element.type !== 'search' && element.type !== 'text') return false;
  if (way === 'ArrowUp' || way === 'ArrowDown') return false;
  const rtl = getComputedStyle(element).direction === 'rtl';
  const back = (way === 'ArrowLeft') !== rtl;
  return back ? element.selectionStart !== 0 : element.selectionEnd !== element.value.length;
}
