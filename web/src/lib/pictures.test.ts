import { describe, expect, it } from 'vitest';
import { fail, pictured, sources, version, type Image } from './pictures';

const image = (url: string, more: Partial<Image> = {}): Image => ({ kind: 'poster', url, ...more });

describe('pictures', () => {
  it('have an address that changes with what they are, as the node computes it', () => {
    // The published vectors of 32-bit FNV-1a.
    expect([version(''), version('a'), version('foobar')]).toEqual(['811c9dc5', 'e40c292c', 'bf9cf968']);
  });

  it('come in widths up to their own, with the one that a list needs first', () => {
    const { src, srcset } = sources('x', 'poster', image('https://i/p.jpg', { width: 342 }));
    expect(src).toBe(`/api/v1/images/x/poster?width=240&v=${version('https://i/p.jpg')}`);
    expect(srcset.split(', ').map((part) => part.split(' ')[1])).toEqual(['120w', '240w', '360w']);
    expect(sources('x', 'poster', image('https://i/p.jpg')).srcset.split(', ').length).toBe(5);
    expect(sources('x', 'poster', image('https://i/p.jpg', { width: 60 })).srcset).toContain('width=120');
  });

  it('are the first of their kind, and not asked for again once one failed', () => {
    const all = [image('https://i/b.jpg', { kind: 'backdrop' }), image('https://i/1.jpg'), image('https://i/2.jpg')];
    expect(pictured(all, 'poster')?.url).toBe('https://i/1.jpg');
    fail(all[1]!);
    expect(pictured(all, 'poster')?.url).toBe('https://i/2.jpg');
    expect(pictured([], 'poster')).toBeUndefined();
    expect(pictured(undefined, 'poster')).toBeUndefined();
  });
});
