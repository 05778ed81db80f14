/** Names of services: those of the directory, as it was known last time until it answers; then those that it had when this app was built. */
import BUILT from '../api/services';
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
/** Seconds until the directory is asked again where it does not answer. */
const PAUSES = [5, 30, 120];

/** Asks for the names, once; the app does so when it starts. */
export function learn(tries = 0): void {
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
    () => {
      asked = false;
      const pause = PAUSES[tries];
      if (pause) setTimeout(() => learn(tries + 1), pause * 1_000);
    },
  );
}

export const serviceName = (id: string): string => names[id] ?? builtName(id);

/** The name that a service had when this app was built: always the same. Most are their ids in capitals; one that is newer is shown so. */
export const builtName = (id: string): string => BUILT[id] ?? id.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
