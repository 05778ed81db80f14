import { describe, expect, it } from 'vitest';
import { distance } from './spatial';

const box = (left: number, top: number, wide = 10, high = 10) => ({ left, top, right: left + wide, bottom: top + high });

describe('distance', () => {
  it('is infinite the other way', () => {
    expect(distance(box(0, 0), box(20, 0), 'ArrowLeft')).toBe(Number.POSITIVE_INFINITY);
    expect(distance(box(0, 0), box(20, 0), 'ArrowUp')).toBe(Number.POSITIVE_INFINITY);
  });

  it('prefers what is in line to what is near', () => {
    expect(distance(box(0, 0), box(0, 60), 'ArrowDown')).toBeLessThan(distance(box(0, 0), box(40, 15), 'ArrowDown'));
  });

  it('is the same both ways, so that one step back undoes a step', () => {
    expect(distance(box(0, 0), box(30, 5), 'ArrowRight')).toBe(distance(box(30, 5), box(0, 0), 'ArrowLeft'));
  });
});
