/** A host of pictures on this machine that behaves well and badly: what a provider's may do. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32, deflateSync } from 'node:zlib';

const chunk = (kind: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};

/** A PNG whose colours run from corner to corner; `claims` is what its head says, whatever is in it. */
export function png(width: number, height: number, claims: [number, number] = [width, height]): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(claims[0]);
  head.writeUInt32BE(claims[1], 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows.set([(255 * x) / width, (255 * y) / height, 120], y * (1 + width * 3) + 1 + x * 3);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** Which film has which picture; all others have none. */
export const PICTURES: Record<string, string> = {
  'The Paper Lighthouse': 'good.png',
  'Moth Season': 'wide.png',
  'The Quiet Furrow': 'gone.png',
  'Nine Doors in Marrow Lane': 'broken.png',
  'The Tin Orchestra': 'page.png',
  'Salt on the Stairs': 'bomb.png',
  'The Last Ferry to Ennis': 'slow.png',
};

/** Starts it; gives its origin and how to stop it. */
export async function host(): Promise<{ origin: string; stop: () => Promise<void> }> {
  const good = png(300, 450);
  const files: Record<string, Buffer> = {
    '/good.png': good,
    '/wide.png': png(900, 500),
    '/broken.png': good.subarray(0, good.length - 200),
    '/page.png': Buffer.from('<!doctype html><title>Welcome</title>'),
    '/bomb.png': png(2, 2, [60_000, 60_000]),
  };
  const server = createServer((request, answer) => {
    if (request.url === '/slow.png') return; // until somebody loses patience
    const file = files[request.url ?? ''];
    answer.writeHead(file ? 200 : 404, { 'content-type': 'image/png' }).end(file);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const stop = () => new Promise<void>((done) => {
    server.closeAllConnections();
    server.close(() => done());
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}
