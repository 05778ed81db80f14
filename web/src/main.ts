import './tokens.css';
import './title.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { content, isContent, remember } from './lib/api';
import { speak, wanted } from './lib/i18n.svelte';
import { prefs } from './lib/prefs.svelte';
import { learn } from './lib/services.svelte';

const root = document.getElementById('app')!;
learn();
await speak(prefs.locale);

// The server put the title into the page: the app takes over without asking for it again.
const inline = document.getElementById('content');
if (inline?.textContent && wanted().startsWith(inline.dataset.locale ?? '')) {
  try {
    const title = JSON.parse(inline.textContent);
    if (isContent(title)) {
      remember(`content ${wanted()} ${title.id}`, title);
      const seasons = JSON.parse(document.getElementById('seasons')?.textContent || 'null');
      if (Array.isArray(seasons)) remember(`seasons ${wanted()} ${title.id}`, seasons);
      // Asked once more when there is time, so that the service worker has it for when there is no network.
      requestIdleCallback(() => void content(title.id, wanted(), AbortSignal.timeout(9_000)).catch(() => undefined));
    }
  } catch {
    // The app asks the API instead.
  }
}
root.replaceChildren();
mount(App, { target: root });

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  type Policy = { createScriptURL(url: string): string };
  const types = (window as unknown as { trustedTypes?: { createPolicy(name: string, rules: object): Policy } }).trustedTypes;
  const policy = types?.createPolicy('app', { createScriptURL: (url: string) => (url === '/sw.js' ? url : '') });
  const register = () => void navigator.serviceWorker.register(policy?.createScriptURL('/sw.js') ?? '/sw.js').catch(() => undefined);
  // The words of a language may come later than the page's load.
  if (document.readyState === 'complete') register();
  else addEventListener('load', register);
}
