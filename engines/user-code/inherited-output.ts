// Output that passes process.stdout by: of child processes that inherit our descriptors, and of fs on descriptors 1 and 2.
import childProcess, { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { StringDecoder } from 'node:string_decoder';

type StreamName = 'stdout' | 'stderr';
/** A child gets it in place of a stream of this process: one of ours, or nothing to read. */
type Own = StreamName | 'nothing';

/** Takes text of the running task. */
export interface TakesOutput {
  /** True while a task runs. */
  readonly isOpen: boolean;
  write(name: StreamName, text: string): void;
}

/** A function with any arguments. */
export type Loose = (...args: unknown[]) => unknown;
interface Spawns {
  spawn(this: ChildProcess, options: { readonly stdio?: unknown }): unknown;
}

const BY_DESCRIPTOR: Readonly<Record<number, StreamName>> = { 1: 'stdout', 2: 'stderr' };
const CHUNK_BYTES = 1 << 16;

/**
 * Gives the running task what its children and its writes to descriptors 1 and 2 print. Children with `inherit` write to
 * pipes of ours, synchronous ones to a file that is read when they have ended. Native code still writes past all this.
 */
export function captureDescriptors(to: TakesOutput): void {
  redirectChildren();
  for (const name of ['spawnSync', 'execFileSync', 'execSync'] as const) replace(childProcess, name, redirectSync);
  for (const name of ['writeSync', 'writeFileSync', 'appendFileSync'] as const) {
    replace(fs, name, (original) => (fd, data, ...rest) => {
      const stream = to.isOpen ? BY_DESCRIPTOR[fd as number] : undefined;
      if (stream === undefined) return original(fd, data, ...rest);
      const bytes = bytesOf(data, name === 'writeSync' ? rest : []);
      to.write(stream, bytes.toString());
      return name === 'writeSync' ? bytes.byteLength : undefined;
    });
  }
  replace(fs, 'write', (original) => (fd, data, ...rest) => {
    const stream = to.isOpen ? BY_DESCRIPTOR[fd as number] : undefined;
    const done = rest.at(-1);
    if (stream === undefined || typeof done !== 'function') return original(fd, data, ...rest);
    const bytes = bytesOf(data, rest.slice(0, -1));
    to.write(stream, bytes.toString());
    return process.nextTick(done as Loose, null, bytes.byteLength, data);
  });
  // Names that modules import from node:fs follow.
  syncBuiltinESMExports();
}

/** Puts a function in front of a method; its properties stay. */
export function replace<T extends object>(owner: T, name: keyof T, wrap: (original: Loose) => Loose): void {
  const original = owner[name] as Loose;
  const wrapped = wrap(original.bind(owner));
  // Among them the form that util.promisify takes.
  Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  Object.assign(owner, { [name]: wrapped });
}

/** The bytes that `fs.write(fd, data, …rest)` writes: of a view from an offset on, or of a text. */
function bytesOf(data: unknown, rest: readonly unknown[]): Buffer {
  if (!ArrayBuffer.isView(data)) return Buffer.from(String(data));
  const [first, second] = rest;
  const given =
    typeof first === 'object' && first !== null ? (first as { offset?: number; length?: number }) : undefined;
  const offset = given?.offset ?? (typeof first === 'number' ? first : 0);
  const length = given?.length ?? (typeof second === 'number' ? second : data.byteLength - offset);
  return Buffer.from(data.buffer, data.byteOffset + offset, length);
}

/** The streams of ours that a child gets, by its descriptor. A child that read our input would wait for ever. */
function ownStreams(stdio: unknown): (Own | undefined)[] {
  const entries: readonly unknown[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  return entries.map((entry, i) => {
    const descriptor = entry === 'inherit' ? i : descriptorOf(entry);
    return descriptor === 0 ? 'nothing' : BY_DESCRIPTOR[descriptor];
  });
}

function descriptorOf(entry: unknown): number {
  if (typeof entry === 'number') return entry;
  const streams = [process.stdin, process.stdout, process.stderr] as const;
  return streams.indexOf(entry as never);
}

const withEntries = (stdio: unknown, own: readonly (Own | undefined)[], entry: (i: number) => unknown) =>
  own.map((name, i) => {
    if (name === undefined) return Array.isArray(stdio) ? stdio[i] : stdio;
    return name === 'nothing' ? 'ignore' : entry(i);
  });

// spawn, exec, execFile and fork come here.
function redirectChildren(): void {
  const prototype = ChildProcess.prototype as ChildProcess & Spawns;
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    const own = ownStreams(options.stdio);
    if (own.every((name) => name === undefined)) return spawn.call(this, options);
    const result = spawn.call(this, { ...options, stdio: withEntries(options.stdio, own, () => 'pipe') });
    for (const [i, name] of own.entries()) if (isOutput(name)) pass(this, i, name);
    return result;
  };
}

function isOutput(name: Own | undefined): name is StreamName {
  return name !== undefined && name !== 'nothing';
}

/** Passes a pipe of the child on. The user sees no stream there, as with `inherit`. */
function pass(child: ChildProcess, i: number, name: StreamName): void {
  const stream = child.stdio?.[i];
  if (stream === null || stream === undefined || !('setEncoding' in stream)) return; // it could not be started
  stream.setEncoding('utf8').on('data', (text: string) => process[name].write(text));
  Object.assign(child.stdio, { [i]: null });
  if (i === 1 || i === 2) Object.assign(child, { [i === 1 ? 'stdout' : 'stderr']: null });
}

function redirectSync(original: Loose): Loose {
  return (...args) => {
    const options = args.at(-1);
    const stdio = isOptions(options) ? options.stdio : undefined;
    const own = ownStreams(stdio);
    if (!isOptions(options) || own.every((name) => name === undefined)) return original(...args);
    const files = own.map((name) => (isOutput(name) ? openDraft() : undefined));
    try {
      return original(...args.slice(0, -1), { ...options, stdio: withEntries(stdio, own, (i) => files[i]) });
    } finally {
      for (const [i, file] of files.entries()) if (file !== undefined) writeOut(file, own[i] as StreamName);
    }
  };
}

function isOptions(value: unknown): value is { readonly stdio?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A file without a name: it is gone when it is closed. */
function openDraft(): number {
  const path = join(tmpdir(), `directview-${randomUUID()}`);
  const file = fs.openSync(path, 'wx+', 0o600);
  fs.unlinkSync(path);
  return file;
}

function writeOut(file: number, name: StreamName): void {
  const decoder = new StringDecoder('utf8');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let at = 0;
  for (let n = fs.readSync(file, chunk, 0, CHUNK_BYTES, at); n > 0; n = fs.readSync(file, chunk, 0, CHUNK_BYTES, at)) {
    process[name].write(decoder.write(chunk.subarray(0, n)));
    at += n;
  }
  process[name].write(decoder.end());
  fs.closeSync(file);
}
