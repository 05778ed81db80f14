/** Where this node serves the pictures of a title. Pure, but for what failed in this visit. */
import type { Schemas } from './api';

export type Image = Schemas['Image'];
/** The widths that the node gives, in pixels. */
const WIDTHS = { poster: [120, 240, 360, 500, 780], backdrop: [360, 780, 1280] } as const;
export type Kind = keyof typeof WIDTHS;

/** FNV-1a, as the node has it: the address changes with the picture, so that it can be kept for ever. */
export function version(url: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(url)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

/** The title's picture of a kind: the best source's. */
export const pictured = (images: Image[] | undefined, kind: Kind): Image | undefined => images?.find((image) => image.kind === kind && !failed.has(image.url));

/** Pictures that could not be shown: not asked for again in this visit. */
const failed = new Set<string>();
export const fail = (image: Image): void => void failed.add(image.url);

export interface Sources {
  src: string;
  srcset: string;
}

/** The addresses of a picture in every width that makes sense: none wider than it is, where that is known. */
export function sources(id: string, kind: Kind, image: Image): Sources {
  const address = (width: number) => `/api/v1/images/${id}/${kind}?width=${width}&v=${version(image.url)}`;
  const enough = WIDTHS[kind].findIndex((width) => width >= (image.width ?? Infinity));
  const widths = WIDTHS[kind].slice(0, enough < 0 ? undefined : enough + 1);
  return { src: address(widths[Math.min(1, widths.length - 1)]!), srcset: widths.map((width) => `${address(width)} ${width}w`).join(', ') };
}
