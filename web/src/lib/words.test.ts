import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shortened } from './shortened';
import { MOODS } from './vocabulary';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const codes = (path: string) => [...read(path).matchAll(/Wording::new\(\s*"([a-z_]+)"/g)].map((match) => match[1]!.replaceAll('_', '-'));
const spoken = new Set([...read('../locales/en.ftl').matchAll(/^([a-z][\w-]*) =/gm)].map((match) => match[1]!));

describe('a title in a sentence', () => {
  it.each([
    ['Heat', 'Heat'],
    ['é'.repeat(60), 'é'.repeat(60)],
    ['🎉'.repeat(61), `${'🎉'.repeat(60)}…`],
    ['The Extremely Long and Almost Entirely True History of the Honourable Society', 'The Extremely Long and Almost Entirely True History of the…'],
  ])('is cut where it is long: %s', (title, quoted) => expect(shortened(title)).toBe(quoted));
});

describe('what the API says as data', () => {
  it('has words of ours for every code in its source', () => {
    const why = ['director', 'writer', 'actor', 'words', 'nearest', 'shared', 'popular', ...codes('../../../crates/search/src/reasons.rs')];
    const rows = codes('../../../crates/search/src/discover.rs').filter((code) => !['a', 'b'].includes(code));
    expect([new Set(why).size, new Set(rows).size]).toEqual([20, 6]);
    const missing = [...why.map((code) => `why-${code}`), ...rows.flatMap((code) => [`row-${code}`, `row-why-${code}`])].filter((id) => !spoken.has(id));
    expect(missing).toEqual([]);
  });

  it('has words of ours for every question in its source', () => {
    const asked = ['confidence', 'parser', 'years'].flatMap((file) => codes(`../../../crates/search/src/query/${file}.rs`));
    expect(new Set(asked).size).toBe(12);
    expect(asked.filter((code) => !spoken.has(`ask-${code}`))).toEqual([]);
  });

  it('has words for every mood', () => {
    expect(MOODS.length).toBeGreaterThan(5);
    expect(MOODS.filter((mood) => !spoken.has(`mood-${mood}`))).toEqual([]);
  });
});
