/** What the API says as data, said in the person's language. */
import type { Schemas } from './api';
import { comma, genreName, known, languageName, number, regionName, runtime, year } from './i18n.svelte';
import { shortened } from './shortened';

type Wording = Schemas['Wording'];

const list = (ids: string) => ids.split(',').filter(Boolean).map(genreName).join(comma());

/** What stands in a sentence, as a person reads it. */
function spelt(args: Record<string, string>): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [name, value] of Object.entries(args)) {
    const figure = Number(value);
    said[name] =
      name === 'genre' ? genreName(value)
      : name === 'genres' ? list(value)
      : name === 'language' ? languageName(value)
      : name === 'country' ? regionName(value)
      : name === 'mood' ? (known(`mood-${value}`) ?? value)
      : (name === 'year' || name === 'decade') && figure ? year(figure)
      : name === 'minutes' && figure ? runtime(figure)
      : name === 'count' ? number(figure)
      : (name === 'first' || name === 'second') && figure ? year(figure)
      : name === 'title' ? shortened(value)
      : value;
  }
  return said;
}

/** A sentence of a kind (`why`, `row`, `row-why`); where we have none for it, what the API says in English. */
function say(kind: string, wording: Wording | undefined, english: string): { text: string; english: boolean } {
  const text = wording?.code ? known(`${kind}-${wording.code.replaceAll('_', '-')}`, spelt(wording.args ?? {})) : undefined;
  return text === undefined ? { text: english, english: true } : { text, english: false };
}

/** Why each result is there. */
export const reasons = (result: Pick<Schemas['SearchResult'], 'reasons' | 'match_reasons'>) =>
  result.match_reasons.map((english, at) => say('why', result.reasons?.[at], english));

/** What is asked where it is not clear what was meant. */
export const question = (parsed: Schemas['ParsedIntent']) => (parsed.clarification ? say('ask', parsed.question ?? undefined, parsed.clarification) : undefined);

/** What stands above a row, and why it is what it is. */
export const heading = (row: Schemas['DiscoverRow']) => say('row', row.about, row.title);
export const ground = (row: Schemas['DiscoverRow']) => say('row-why', row.about, row.reason);
