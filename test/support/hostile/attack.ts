// Peers that push without end, at all sockets of a cluster at once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { Seen } from '../faults/row.ts';
import { all, LIMIT, MIB, ROLES, type Target } from './target.ts';

/** The greeting of ZMTP 3.0 with this mechanism. */
export function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  bytes.write(mechanism, 12);
  return bytes;
}

/** Resolves when this peer is cut, by an end or by a reset: a listener that leaves bytes unread resets. */
export function cut(peer: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (peer.closed) resolve();
    else peer.once('close', () => resolve());
  });
}

/** The head of a frame: 6 for a command, 2 for a message, 3 for one of several parts. */
export function head(flags: number, bytes: bigint): Buffer {
  const frame = Buffer.alloc(9);
  frame[0] = flags;
  frame.writeBigUInt64BE(bytes, 1);
  return frame;
}

/** The command that ends a handshake without security. */
export const READY = Buffer.concat([Buffer.from([4, 6, 5]), Buffer.from('READY')]);

// Connects again whenever it is cut, until it has pushed 1 GB into sockets. Prints how much was taken.
const PUSH = `const { connect } = require('node:net');
const [address, first, total] = [process.argv[1], Buffer.from(process.argv[2], 'base64'), Number(process.argv[3])];
const zeros = Buffer.alloc(1 << 20);
const end = Date.now() + 6000;
let pushed = 0, cuts = 0;
function again() {
  if (pushed >= total || Date.now() > end) return void process.stdout.write(JSON.stringify({ pushed, cuts }), () => process.exit());
  const socket = connect(/^\\d+$/.test(address) ? { port: Number(address), host: '127.0.0.1' } : { path: address });
  const more = () => { while (pushed < total && (pushed += zeros.length, socket.write(zeros))); };
  socket.on('connect', () => { socket.write(first); more(); }).on('drain', more).on('error', () => {}).resume();
  socket.on('close', () => { cuts++; setImmediate(again); });
  setTimeout(() => socket.destroy(), 3000).unref();
}
again();`;

/** Pushes these bytes and 200 MiB of zeros, from a process of its own. */
export async function push(endpoint: string, first: Buffer): Promise<{ pushed: number; cuts: number }> {
  const address = endpoint.replace(/^unix:\/\/|^tcp:\/\/.*:/, '');
  const args = ['-e', PUSH, address, first.toString('base64'), String(200 * MIB)];
  const peer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  peer.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await once(peer, 'close');
  return JSON.parse(text);
}

/** Pushes 1 GB at the five sockets of one cluster; meanwhile its calls are answered. */
async function attackOne(victim: Target, first: Buffer): Promise<number> {
  return victim.growth(async (measure) => {
    let isOver = false;
    const pushing = Promise.all(
      ROLES.map(async (socket) => ({ socket, ...(await push(victim.endpoint(socket), first)) })),
    ).finally(() => {
      isOver = true;
    });
    for (let n = 0; !isOver; n++) {
      assert.is(await victim.rc.view(0).apply((x: number) => x + 1, n), n + 1);
      measure();
      // Thousands of calls a second would grow the engine by what it keeps for them.
      await pause(2);
    }
    for (const { socket, cuts } of await pushing) assert.ok(cuts > 0, `${socket} cuts the peer`);
    await victim.serves();
  });
}

let warmed: Promise<unknown> | undefined;

/** Peers that begin with these bytes, and go on with 1 GB of zeros for each cluster: on tcp with keys, on Unix sockets. */
export async function attack(first: Buffer): Promise<Seen> {
  const victims = await all();
  const one = async (bytes: Buffer): Promise<number[]> => {
    const grown: number[] = [];
    for (const victim of victims) grown.push(await attackOne(victim, bytes));
    return grown;
  };
  // The first cuts load code that later ones use.
  warmed ??= one(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await warmed;
  const grown = await one(first);
  for (const bytes of grown) assert.ok(bytes < LIMIT, `${(bytes / MIB).toFixed(1)} MiB`);
  return { note: `1 GB at five sockets: at most ${Math.round(Math.max(...grown) / MIB)} MiB more` };
}
