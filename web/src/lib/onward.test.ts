import { describe, expect, it } from 'vitest';
import { onward, type Outcome } from './onward';

const intent = (more: object) => encodeURIComponent(JSON.stringify({ text: '', like: [], people: [], genres: [], content_types: [], platforms: [], ...more }));
const leads = (address: string, outcome: Outcome = {}) => onward(new URLSearchParams(address), { region: 'US', services: [] }, (id) => id, outcome);

describe('an address', () => {
  it.each(['', 'q=harbour&page=2', 'q=a&genre=drama&utm_source=mail', `q=with+Ada+Wren&intent=${intent({ people: ['Ada Wren'] })}`])('that still stands leads nowhere else: %s', (address) => {
    expect(leads(address.replace('with+', ''))).toBeUndefined();
  });

  it('leads to what of it can be read', () => {
    expect(leads('q=harbour&sort=hot&genre=drama')).toEqual({ to: '/search?q=harbour&genre=drama', lost: [{ field: 'unread', value: 'hot' }] });
  });

  it('leads to what the API still knows', () => {
    const refused = { code: 'unknown_genre', field: 'filters.genres[1]' };
    expect(leads('q=harbour&genre=drama,film_noir_revival', { refused })).toEqual({ to: '/search?q=harbour&genre=drama', lost: [{ field: 'genres', value: 'film_noir_revival' }] });
  });

  it('whose words say something else than its chips leads to what the chips say, and keeps the words', () => {
    const { to, lost } = leads(`q=something+else&intent=${intent({ people: ['Ada Wren'] })}`)!;
    const there = new URL(to, 'http://x').searchParams;
    expect([there.get('q'), there.get('was'), lost]).toEqual(['Ada Wren', 'something else', []]);
    expect(leads(to.split('?')[1]!)).toBeUndefined();
  });

  it('beyond the last page leads to the last', () => {
    expect(leads('type=movie&page=9999', { last: 3 })).toEqual({ to: '/search?type=movie&page=3', lost: [{ field: 'page', value: '9999' }] });
    expect(leads('type=movie&page=3', { last: 3 })).toBeUndefined();
  });
});
