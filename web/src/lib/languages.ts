/** One name for a language, whether a source gives its code or a word of its own for it. Pure. */
import ALIASES from '../api/languages';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];
let known: Map<string, string> | undefined;

/** Codes by their English names, in lower case; made when one is asked for. */
function names(): Map<string, string> {
  if (known) return known;
  const english = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  const named = LETTERS.flatMap((a) => LETTERS.map((b) => a + b)).flatMap((code) => {
    const name = english.of(code);
    return name ? [[name.toLowerCase(), code] as const] : [];
  });
  return (known = new Map([...named, ...Object.entries(ALIASES)]));
}

/** The code of a language that is known by this code or English name. */
export const codeOf = (word: string): string | undefined =>
  /^[a-z]{2,3}$/.test(word) ? word : names().get(word.toLowerCase().replace(/ language$/, ''));
