import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import { Readable } from 'node:stream';
import { type Loose, replace } from './inherited-output.ts';

/** Functions of node:fs that take a descriptor or a path first, with a callback last, without one, or as a promise. */
const READS = {
  callback: ['read', 'readv', 'readFile', 'open', 'copyFile'],
  sync: ['readSync', 'readvSync', 'readFileSync', 'openSync', 'copyFileSync'],
  promise: ['readFile', 'open', 'copyFile'],
} as const;

/**
 * Refuses user code its standard input at the first read: by `process.stdin`, by descriptor 0, and by the paths of it. The
 * engine's own is its launcher's pipe: a task that reads it would wait for ever. Looking at it (`isTTY`) does no harm.
 */
export function refuseInput(): void {
  let stdin: Readable | undefined;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    get: () => {
      if (stdin === undefined || stdin.destroyed) stdin = failing();
      return stdin;
    },
  });
  refuseFiles();
}

function failing(): Readable {
  const stdin = new Readable({
    read() {
      this.destroy(noInput());
    },
  });
  return Object.assign(stdin, { fd: 0, isTTY: false });
}

function noInput(): Error {
  return new Error('a task on an engine has no standard input: pass what it needs as an argument');
}

function refuseFiles(): void {
  for (const name of READS.sync) {
    replace(fs, name, (original) => (from, ...rest) => {
      if (isInput(from)) throw noInput();
      return original(from, ...rest);
    });
  }
  for (const name of READS.callback) {
    replace(fs, name, (original) => (from, ...rest) => {
      const done = rest.at(-1);
      if (!isInput(from) || typeof done !== 'function') return original(from, ...rest);
      return process.nextTick(done as Loose, noInput());
    });
  }
  for (const name of READS.promise) {
    replace(fs.promises, name, (original) => async (from, ...rest) => {
      if (isInput(from)) throw noInput();
      return original(from, ...rest);
    });
  }
  syncBuiltinESMExports();
}

const PATH = /^\/(?:dev\/stdin|dev\/fd\/0|proc\/(?:self|thread-self|\d+)\/fd\/0)$/;

/** Descriptor 0, or a path of it. */
function isInput(from: unknown): boolean {
  if (typeof from === 'number') return from === 0;
  if (typeof from === 'string') return from.charCodeAt(0) === 47 && PATH.test(from);
  if (from instanceof URL) return PATH.test(from.pathname);
  return from instanceof Uint8Array && PATH.test(Buffer.from(from).toString());
}
