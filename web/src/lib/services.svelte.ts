/** Names of services. Until they are there, and where they can't be had, an id is made readable. */
import { platforms } from './api';

let names: Record<string, string> = $state({});
let asked = false;

export function serviceName(id: string): string {
  if (!asked) {
    asked = true;
    platforms(AbortSignal.timeout(9_000)).then(
      (all) => void (names = Object.fromEntries(all.map((platform) => [platform.id, platform.name]))),
      () => void (asked = false),
    );
  }
  return names[id] ?? id.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
}
