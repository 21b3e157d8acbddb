// The other process of raw-unix.ts. It sends back what it gets. Usage: node raw-unix-peer.js <path>. It ends with its input.
import { createServer } from 'node:net';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: raw-unix-peer.js <path>');
process.stdin.on('end', () => process.exit(0)).resume();
createServer((socket) => socket.pipe(socket)).listen(path, () => process.stdout.write('ready\n'));
