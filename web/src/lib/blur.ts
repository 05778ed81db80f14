/** Draws what a picture looks like from afar, before it is there. */
import { thumbHashToRGBA } from 'thumbhash';

/** Puts a ThumbHash (Base64) into a canvas; one that is none leaves it empty. */
export const blur = (placeholder: string) => (canvas: HTMLCanvasElement) => {
  try {
    const hash = Uint8Array.from(atob(placeholder), (letter) => letter.charCodeAt(0));
    const { w, h, rgba } = thumbHashToRGBA(hash);
    [canvas.width, canvas.height] = [w, h];
    canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
  } catch {
    // The drawing below shows instead.
  }
};
