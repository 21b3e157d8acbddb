// The other process of raw-zeromq.ts: echoes small messages, swallows large ones, acknowledges "end".
// Usage: node raw-zeromq-peer.js <endpoint>; ends with its standard input.
import { Router } from 'zeromq';

const SMALL = 1024;
const [endpoint] = process.argv.slice(2);
if (endpoint === undefined) throw new Error('usage: raw-zeromq-peer.js <endpoint>');
process.stdin.on('end', () => process.exit(0)).resume();
const socket = new Router({ linger: 0 });
await socket.bind(endpoint);
process.stdout.write('ready\n');
for await (const [id, data] of socket) {
  if ((data as Buffer).length <= SMALL) await socket.send([id as Buffer, data as Buffer]);
}
