import { describe, expect, it } from 'vitest';
import { codeOf } from './languages';
import { said } from './money';

describe('a language', () => {
  it.each([
    ['en', 'en'], ['English', 'en'], ['english', 'en'], ['French language', 'fr'],
    // What search calls it (its own list), so that a title's facts and the filter beside the results say the same.
    ['Mandarin', 'zh'], ['Standard Mandarin', 'zh'], ['Cantonese', 'yue'], ['Farsi', 'fa'], ['Tagalog', 'tl'],
    ['Klingonese', undefined], ['', undefined],
  ])('has one code: %s', (word, code) => expect(codeOf(word)).toBe(code));
});

describe('an amount', () => {
  const parts = (tag: string, currency: string) => new Intl.NumberFormat(tag, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(5.99);
  it('keeps its sign together where the line runs the other way', () => {
    expect(said(parts('en', 'USD'), false)).toBe('$5.99');
    expect(said(parts('ar', 'USD'), true)).toMatch(/5\.99\u00a0\u2068US\$\u2069$/);
    expect(said(parts('ar', 'EUR'), true)).toContain('\u2068€\u2069');
  });
});
