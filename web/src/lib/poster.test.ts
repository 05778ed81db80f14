import { describe, expect, it } from 'vitest';
import { design as draw, leading, setType } from './poster';
import { PALETTES } from './palettes';
import { MOTIFS } from './motifs';

const facts = (more: object = {}) => ({
  id: '01a1fcba-c4b1-7f5e-b34f-b40e5a2610ed', title: 'Salt on the Stairs', release_year: 1965, runtime_minutes: 97,
  genres: ['comedy', 'drama'], countries: ['HU'], credits: [{ name: 'Bela Szabo', role: 'director' }], ...more,
});

/** The contrast of two colours (WCAG 2.2, relative luminance). */
function contrast(a: string, b: string): number {
  const light = (hex: string) =>
    [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at]!, 0);
  const [x, y] = [light(a), light(b)].sort((m, n) => n - m);
  return (x! + 0.05) / (y! + 0.05);
}

describe('a poster', () => {
  it('is the same for the same title, and another for another', () => {
    expect(draw(facts(), false)).toEqual(draw(facts(), false));
    const many = Array.from({ length: 40 }, (_, at) => JSON.stringify(draw(facts({ id: `${at}` }), false).layers));
    expect(new Set(many).size).toBeGreaterThan(35);
  });

  it('wears the colours of its decade', () => {
    for (const [year, decade] of [[1965, '1960'], [1924, 'silver'], [1987, '1980'], [2099, '2020']] as const) {
      expect(PALETTES[decade]).toContain(draw(facts({ release_year: year }), false).palette);
    }
  });

  it('shows the genre that says most', () => {
    expect(leading(['drama', 'western'])).toBe('western');
    expect(leading(['comedy', 'drama'])).toBe('comedy');
    expect(leading(['unheard_of'])).toBeUndefined();
    expect(draw(facts({ genres: [] }), false).layers.length).toBeGreaterThan(0);
  });

  it('repeats its motif the longer the title runs', () => {
    const shapes = (minutes: number) => draw(facts({ genres: ['musical'], runtime_minutes: minutes }), false).layers.map((layer) => layer.d.split('M').length).reduce((a, b) => a + b);
    expect(shapes(180)).toBeGreaterThan(shapes(60));
  });

  it.each(MOTIFS.map(([genre]) => genre))('draws %s with numbers only, whatever the facts', (genre) => {
    for (const runtime_minutes of [null, 1, 600]) {
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        for (const { d } of draw(facts({ id, genres: [genre], runtime_minutes, release_year: null }), false).layers) expect(d).not.toMatch(/NaN|Infinity|undefined/);
      }
    }
  });

  it('has a title that can be read', () => {
    for (const palette of Object.values(PALETTES).flat()) expect(contrast(palette.ink, palette.ground)).toBeGreaterThan(7);
  });

  it('sets no title over its motif and breaks no common word', () => {
    for (const title of ['Heat', 'Manhunter', 'The Last of the Mohicans', 'Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb']) {
      const { size, tall } = setType(title, 'sans');
      expect(size).toBeGreaterThanOrEqual(6);
      expect(tall).toBeLessThanOrEqual(204);
    }
    expect(setType('Heat', 'sans').size).toBeGreaterThan(setType('The Last of the Mohicans', 'sans').size);
    expect(setType('x'.repeat(300), 'narrow').lines).toBeGreaterThan(3);
  });
});
