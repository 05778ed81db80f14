/** Names of services: those that were known last time at once, an id made readable where there are none yet. */
import { platforms } from './api';

const KEY = 'mg.services';

function kept(): Record<string, string> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).filter((one): one is [string, string] => typeof one[1] === 'string')) : {};
  } catch {
    return {};
  }
}

let names: Record<string, string> = $state(kept());
let asked = false;

/** Asks for the names, once; the app does so when it starts. */
export function learn(): void {
  if (asked) return;
  asked = true;
  platforms(AbortSignal.timeout(9_000)).then(
    (all) => {
      names = Object.fromEntries(all.map((platform) => [platform.id, platform.name]));
      try {
        localStorage.setItem(KEY, JSON.stringify(names));
      } catch {
        // They are asked for again next time.
      }
    },
    () => void (asked = false),
  );
}

export function serviceName(id: string): string {
  return names[id] ?? id.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
}
