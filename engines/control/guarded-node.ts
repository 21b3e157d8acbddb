import childProcess from 'node:child_process';
import console from 'node:console';
import fs from 'node:fs';
import Module, { isBuiltin, syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import timers from 'node:timers';
import timerPromises from 'node:timers/promises';
import type { SignalDoor } from './door.ts';

type Loose = (this: unknown, ...args: unknown[]) => unknown;

/** Functions of Node, written in JavaScript, that keep state between calls. */
const GLOBALS = `setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate queueMicrotask`.split(
  /\s+/,
);
const OF_PROCESS = `nextTick emitWarning getBuiltinModule on once off addListener removeListener prependListener
  prependOnceListener removeAllListeners`.split(/\s+/);
const OF_STREAMS = ['write', 'end'];

/**
 * Closes the door around Node's own library: timers, console, ticks, files, child processes. An interrupt that ended one of
 * them half-way would break it for all later tasks. Call it once, before user code runs.
 */
export function guardNode(door: SignalDoor): void {
  const guard = (owner: object, names: readonly string[]) => {
    for (const name of names) guardMethod(door, owner, name);
  };
  const timeout = timers.setTimeout(() => {}, 0);
  const immediate = timers.setImmediate(() => {});
  for (const timer of [timeout, immediate]) {
    const prototype = Object.getPrototypeOf(timer) as object;
    guard(prototype, methodsOf(prototype));
  }
  timers.clearTimeout(timeout);
  timers.clearImmediate(immediate);
  guard(globalThis, GLOBALS);
  guard(timers, methodsOf(timers));
  guard(timerPromises, methodsOf(timerPromises));
  guard(timerPromises.scheduler, ['wait', 'yield']);
  guard(AbortSignal, ['timeout']);
  guard(console, methodsOf(console));
  guard(process, OF_PROCESS);
  for (const stream of [process.stdout, process.stderr]) guard(stream, OF_STREAMS);
  guard(fs, methodsOf(fs));
  guard(fs.promises, methodsOf(fs.promises));
  guard(childProcess, ['spawn', 'exec', 'execFile', 'fork']);
  guardLoading(door);
  // Names that modules import follow.
  syncBuiltinESMExports();
}

// Node loads parts of its library at their first use. Modules of users may compute for ever while they load.
function guardLoading(door: SignalDoor): void {
  const load = Reflect.get(Module, '_load') as Loose;
  const guarded = guardedFunction(door, load);
  const either: Loose = function (name, ...rest) {
    return Reflect.apply(isBuiltin(String(name)) ? guarded : load, this, [name, ...rest]);
  };
  Reflect.set(Module, '_load', either);
}

/** The names of an object's functions; a class has a capital. */
function methodsOf(owner: object): string[] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(owner));
  const isMethod = (name: string, value: unknown) => typeof value === 'function' && /^[a-z]/.test(name);
  return all.flatMap(([name, { value }]) => (isMethod(name, value) && name !== 'constructor' ? [name] : []));
}

function guardMethod(door: SignalDoor, owner: object, name: string): void {
  const original = Reflect.get(owner, name) as unknown;
  if (typeof original !== 'function') return;
  const guarded = guardedFunction(door, original as Loose);
  // Its name, its length, and the form that util.promisify takes.
  Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(original));
  const found = Object.getOwnPropertyDescriptor(owner, name) ?? {
    writable: true,
    enumerable: true,
    configurable: true,
  };
  Object.defineProperty(owner, name, { ...found, value: guarded });
}

function guardedFunction(door: SignalDoor, original: Loose): Loose {
  return function (...args) {
    door.enter();
    try {
      return Reflect.apply(original, this, args);
    } finally {
      door.leave();
    }
  };
}
