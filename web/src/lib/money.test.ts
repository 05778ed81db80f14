import { describe, expect, it } from 'vitest';
import { said } from './money';

describe('an amount', () => {
  const parts = (tag: string, currency: string) => new Intl.NumberFormat(tag, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).formatToParts(5.99);
  it('keeps its sign together where the line runs the other way', () => {
    expect(said(parts('en', 'USD'), false)).toBe('$5.99');
    expect(said(parts('ar', 'USD'), true)).toMatch(/5\.99\u00a0\u2068US\$\u2069$/);
    expect(said(parts('ar', 'EUR'), true)).toContain('\u2068€\u2069');
  });
});
