/** Where the person is. Links are plain links; going back brings scroll and focus back. */
import { tick } from 'svelte';

interface Kept {
  key: number;
  scroll?: number;
  focus?: string;
  /** How far below the window's upper edge the focused element stood. */
  top?: number;
  /** How far each row of the page was scrolled. */
  rows?: number[];
}

// Who has script needs no plain page of results.
if (location.pathname === '/search/plain') history.replaceState(history.state, '', `/search${location.search}`);

/** An address with a slash at its end is the same page. */
const address = () => ({ path: location.pathname.replace(/(.)\/+$/, '$1'), search: location.search });

export const here = $state({
  ...address(),
  key: (history.state as Kept | null)?.key ?? 0,
  /** Whether the address follows what is being typed, letter by letter. */
  typing: false,
});

// Whoever loads a page again finds it as it was.
let pending: Kept | undefined = (history.state as Kept | null) ?? undefined;
let last = here.key;
history.scrollRestoration = 'manual';

const rows = () => [...document.querySelectorAll('main [data-row]')];

/** Whether the page that is being put up was seen before. */
export const returning = () => pending?.rows !== undefined;

function keep(): void {
  const at = document.activeElement;
  const focus = at?.id || undefined;
  const top = focus ? at?.getBoundingClientRect().top : undefined;
  history.replaceState({ key: here.key, scroll: scrollY, focus, top, rows: rows().map((row) => row.scrollLeft) } satisfies Kept, '');
}

function show(): void {
  const now = address();
  // What the server said about its page in the head is not true of another one.
  if (now.path !== here.path) for (const old of document.head.querySelectorAll('link[rel="canonical"], meta[property^="og:"], script[type="application/ld+json"]')) old.remove();
  Object.assign(here, now);
}

export interface Go {
  /** Takes the place of the current entry: for what is typed letter by letter. */
  replace?: boolean;
  /** Leaves scroll and focus where they are: the page stays, something on it changed. */
  stay?: boolean;
}

export function go(to: string, { replace = false, stay = false }: Go = {}): void {
  here.typing = replace;
  if (replace) {
    history.replaceState({ key: here.key } satisfies Kept, '', to);
    show();
    return;
  }
  keep();
  here.key = ++last;
  history.pushState({ key: here.key } satisfies Kept, '', to);
  pending = stay ? undefined : { key: here.key, scroll: 0 };
  show();
}

/** A page calls this when what it shows is there: only then is there something to scroll to. */
export async function arrived(): Promise<void> {
  const wanted = pending;
  if (!wanted) return;
  pending = undefined;
  await tick();
  const target = wanted.focus ? document.getElementById(wanted.focus) : null;
  (target ?? document.querySelector<HTMLElement>('main h1'))?.focus({ preventScroll: true });
  scrollTo({ top: wanted.scroll ?? 0, behavior: 'instant' });
  // What is far from the window has no size yet: as soon as it has, everything goes where it was.
  for (let frame = 0; wanted.scroll && frame < 4; frame++) {
    rows().forEach((row, at) => (row.scrollLeft = wanted.rows?.[at] ?? 0));
    if (target && wanted.top !== undefined) scrollBy({ top: target.getBoundingClientRect().top - wanted.top, behavior: 'instant' });
    await painted();
  }
}

addEventListener('popstate', (event) => {
  const state = event.state as Kept | null;
  [here.key, here.typing] = [state?.key ?? 0, false];
  pending = state ?? { key: 0, scroll: 0 };
  show();
});

// Scroll and focus are kept while the person moves, because on the way back it is too late.
let timer: ReturnType<typeof setTimeout> | undefined;
for (const kind of ['scroll', 'focusin']) {
  addEventListener(kind, () => {
    clearTimeout(timer);
    if (!pending) timer = setTimeout(keep, 150);
  }, { passive: true, capture: true });
}
addEventListener('pagehide', keep);

/** After the next paint, or soon where nothing is painted. */
const painted = (): Promise<void> =>
  new Promise((done) => {
    const late = setTimeout(done, 100);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(done);
    });
  });

/** Plain clicks on links of this app stay in it. */
addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute('download') || link.origin !== location.origin || /^\/(api|docs)(\/|$)/.test(link.pathname)) return;
  event.preventDefault();
  clearTimeout(timer);
  if (link.pathname + link.search === location.pathname + location.search) return;
  const to = link.pathname + link.search;
  // The tap is shown first; taking one page down and putting up another would hold that up.
  void painted().then(() => go(to, { stay: link.dataset.stay !== undefined }));
});
