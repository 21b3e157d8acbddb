// The other process of machine-memory.ts: reads a file of so many bytes into memory that it has used before, at each line of its
// input. Usage: node memory-peer.js <file> <bytes>.
import { closeSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';

const CHUNK = 2 * 1024 * 1024;
const [file, size] = process.argv.slice(2);
if (file === undefined || size === undefined) throw new Error('usage: memory-peer.js <file> <bytes>');
const memory = Buffer.alloc(Number(size), 1);
process.stdout.write('ready\n');
for await (const _ of createInterface({ input: process.stdin })) {
  const descriptor = openSync(file, 'r');
  for (let at = 0; at < memory.length; at += CHUNK)
    readSync(descriptor, memory, at, Math.min(CHUNK, memory.length - at), at);
  closeSync(descriptor);
  process.stdout.write('read\n');
}
