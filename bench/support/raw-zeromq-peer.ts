// The other process of raw-zeromq.ts. It echoes small messages, drops large ones, and sends N bytes on "give N".
// Usage: node raw-zeromq-peer.js <endpoint>. It ends with its standard input.
import { Router } from 'zeromq';

const SMALL = 1024;
const CHUNK_BYTES = 4 * 1024 * 1024;
const [endpoint] = process.argv.slice(2);
if (endpoint === undefined) throw new Error('usage: raw-zeromq-peer.js <endpoint>');
process.stdin.on('end', () => process.exit(0)).resume();
const socket = new Router({ linger: 0 });
await socket.bind(endpoint);
process.stdout.write('ready\n');
const stock = Buffer.alloc(CHUNK_BYTES, 1);
for await (const [id, data] of socket) {
  const asked = (data as Buffer).length <= SMALL ? /^give (\d+)$/.exec(String(data)) : null;
  for (let left = Number(asked?.[1] ?? 0); left > 0; left -= CHUNK_BYTES) {
    await socket.send([id as Buffer, stock.subarray(0, left)]);
  }
  if (asked === null && (data as Buffer).length <= SMALL) await socket.send([id as Buffer, data as Buffer]);
}
