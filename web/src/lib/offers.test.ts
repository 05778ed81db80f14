import { describe, expect, it } from 'vitest';
import { elsewhere, grid, short } from './offers';
import type { Offer } from './api';

const offer = (platform: string, kind: string, more: object = {}) =>
  ({ platform, region: 'US', availability_type: kind, price: null, web_url: 'https://x', source: 'netflix', checked_at: '2026-01-01T00:00:00Z', confidence: 0.9, ...more }) as unknown as Offer;
const price = (amount: string) => ({ price: { amount, currency: 'USD' } });

describe('the grid', () => {
  it('puts my services first, then what is included, then what costs', () => {
    const rows = grid([offer('a', 'buy', price('9')), offer('b', 'subscription'), offer('c', 'ads'), offer('d', 'rent', price('3'))], 'US', ['d']);
    expect(rows.map((row) => row.platform)).toEqual(['d', 'b', 'c', 'a']);
  });

  it('keeps sources apart, and a sample a sample', () => {
    const rows = grid([offer('a', 'subscription'), offer('a', 'rent', { source: 'sample', ...price('4') })], 'US', []);
    expect(rows.map((row) => [row.source, row.sample])).toEqual([['netflix', false], ['sample', true]]);
  });

  it('says the cheapest first, and the oldest and least sure of a row', () => {
    const [row] = grid([offer('a', 'rent', { ...price('5'), confidence: 0.4 }), offer('a', 'rent', { ...price('3'), checked_at: '2025-01-01T00:00:00Z' })], 'US', []);
    expect(row!.cells.rent!.map((cell) => cell.offer.price!.amount)).toEqual(['3', '5']);
    expect(row).toMatchObject({ confidence: 0.4, checkedAt: '2025-01-01T00:00:00Z' });
  });

  it('says every quality of what costs the same once, the plainest first', () => {
    const [row] = grid([offer('a', 'rent', { ...price('3'), quality: 'uhd' }), offer('a', 'rent', { ...price('3'), quality: 'sd' }), offer('a', 'rent', { ...price('5'), quality: 'uhd' }), offer('a', 'subscription')], 'US', []);
    expect(row!.cells.rent!.map((cell) => [cell.offer.price!.amount, cell.qualities])).toEqual([['3', ['sd', 'uhd']], ['5', ['uhd']]]);
    expect(row!.cells.stream).toMatchObject([{ qualities: [] }]);
  });

  it('leaves out other regions and terms it does not know', () => {
    expect(grid([offer('a', 'buy', { region: 'DE' }), offer('a', 'bundle')], 'US', [])).toEqual([]);
    expect(elsewhere([offer('a', 'buy', { region: 'DE' }), offer('b', 'buy', { region: 'DE' }), offer('a', 'buy', { region: 'FR' })], 'US')).toEqual([{ region: 'DE', services: 2 }, { region: 'FR', services: 1 }]);
  });
});

describe('the short form', () => {
  it('names what is included before what costs', () => {
    const found = short([offer('a', 'rent', price('3')), offer('b', 'subscription'), offer('c', 'subscription')], 'US', ['c']);
    expect(found.map(({ kind, offer: one, more, mine }) => [kind, one.platform, more, mine])).toEqual([['stream', 'c', 1, true], ['rent', 'a', 0, false]]);
  });

  it('names the cheapest where everything costs', () => {
    const found = short([offer('a', 'rent', price('5')), offer('b', 'rent', price('3')), offer('a', 'buy', price('9'))], 'US', []);
    expect(found.map(({ kind, offer: one }) => [kind, one.platform])).toEqual([['rent', 'b'], ['buy', 'a']]);
  });
});
