/** The most of a title that a sentence quotes: one reads the sentence, not the title. */
const QUOTED = 60;

/** A title as a sentence quotes it: a long one is cut at a space, and says so. Pure. */
export function shortened(title: string): string {
  const letters = [...title];
  if (letters.length <= QUOTED) return title;
  const start = letters.slice(0, QUOTED).join('');
  const cut = start.includes(' ') ? start.slice(0, start.lastIndexOf(' ')) : start;
  return `${cut.replace(/[,.:; ]+$/, '')}…`;
}
