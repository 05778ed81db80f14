/** Offers as a person compares them: service × kind × price × quality. Pure. */
import type { Offer } from './api';

export type Column = 'stream' | 'free' | 'rent' | 'buy';
export const COLUMNS: Column[] = ['stream', 'free', 'rent', 'buy'];
const COLUMN_OF: Record<string, Column> = { subscription: 'stream', free: 'free', ads: 'free', rent: 'rent', buy: 'buy' };

/** What offers and their short forms both say. */
export type Stated = Pick<Offer, 'platform' | 'region' | 'availability_type' | 'quality' | 'price' | 'source'>;

/** Offers of one service on the same terms at the same price, which differ in quality only. */
export interface Cell {
  offer: Offer;
  qualities: string[];
}

export interface Row {
  platform: string;
  mine: boolean;
  sample: boolean;
  cells: Partial<Record<Column, Cell[]>>;
  source: string;
  checkedAt: string;
  confidence: number;
  expiresAt?: string;
  webUrl: string;
}

export const isSample = (offer: Pick<Offer, 'source'>) => offer.source === 'sample';
export const column = (offer: Pick<Offer, 'availability_type'>): Column | undefined => COLUMN_OF[offer.availability_type];
const amount = (offer: Pick<Offer, 'price'>) => (offer.price ? Number(offer.price.amount) : Number.POSITIVE_INFINITY);

const QUALITIES = ['sd', 'hd', 'uhd'];

function put(cells: Cell[], offer: Offer): void {
  const same = cells.find((cell) => cell.offer.availability_type === offer.availability_type && cell.offer.price?.amount === offer.price?.amount && cell.offer.price?.currency === offer.price?.currency);
  const qualities = offer.quality ? [offer.quality] : [];
  if (!same) cells.push({ offer, qualities });
  else same.qualities = [...new Set([...same.qualities, ...qualities])];
}

/** One row a service and source, what is real before samples, the person's own services first, then those that cost nothing more. */
export function grid(offers: Offer[], region: string, services: string[]): Row[] {
  const rows = new Map<string, Row>();
  for (const offer of offers) {
    const kind = column(offer);
    if (offer.region !== region || !kind) continue;
    const key = `${offer.platform} ${offer.source}`;
    const row = rows.get(key) ?? {
      platform: offer.platform, mine: services.includes(offer.platform), sample: isSample(offer), cells: {},
      source: offer.source, checkedAt: offer.checked_at, confidence: offer.confidence, webUrl: offer.web_url,
    };
    put((row.cells[kind] ??= []), offer);
    // A row is as old and as sure as the weakest of its offers.
    if (offer.checked_at < row.checkedAt) row.checkedAt = offer.checked_at;
    row.confidence = Math.min(row.confidence, offer.confidence);
    if (offer.expires_at && (!row.expiresAt || offer.expires_at < row.expiresAt)) row.expiresAt = offer.expires_at;
    rows.set(key, row);
  }
  for (const row of rows.values()) for (const cells of Object.values(row.cells)) {
    cells.sort((a, b) => amount(a.offer) - amount(b.offer));
    for (const cell of cells) cell.qualities.sort((a, b) => QUALITIES.indexOf(a) - QUALITIES.indexOf(b));
  }
  const rank = (row: Row) => (row.sample ? 8 : 0) + (row.mine ? 0 : 4) + (row.cells.stream ? 0 : row.cells.free ? 1 : 2);
  return [...rows.values()].sort((a, b) => rank(a) - rank(b) || a.platform.localeCompare(b.platform));
}

export interface Short {
  kind: Column;
  offer: Stated;
  mine: boolean;
  /** How many more services offer it on these terms. */
  more: number;
}

/** The best offer of each kind in a region; renting and buying only where nothing is included. */
export function short(offers: Stated[], region: string, services: string[]): Short[] {
  const here = offers.filter((offer) => offer.region === region);
  const best = (kind: Column): Short[] => {
    const same = here.filter((offer) => column(offer) === kind);
    const mine = (offer: Stated) => (kind === 'stream' && services.includes(offer.platform) ? 0 : 1);
    const sorted = [...same].sort((a, b) => mine(a) - mine(b) || amount(a) - amount(b) || a.platform.localeCompare(b.platform));
    const [offer] = sorted;
    const more = new Set(same.map((other) => other.platform)).size - 1;
    return offer ? [{ kind, offer, mine: services.includes(offer.platform), more }] : [];
  };
  const included = [...best('stream'), ...best('free')];
  return included.length >= 2 ? included : [...included, ...best('rent'), ...(included.length ? [] : best('buy'))].slice(0, 2);
}

/** Regions in which there is an offer, besides `region`, by how many services. */
export function elsewhere(offers: Offer[], region: string): { region: string; services: number }[] {
  const seen = new Map<string, Set<string>>();
  for (const offer of offers) if (offer.region !== region) seen.set(offer.region, (seen.get(offer.region) ?? new Set()).add(offer.platform));
  return [...seen].map(([place, platforms]) => ({ region: place, services: platforms.size })).sort((a, b) => b.services - a.services || a.region.localeCompare(b.region));
}
