// Every public function of the package, with an object that it belongs to, over a cluster that answers nothing.
import * as directview from 'directview';
import {
  ENGINE as ENGINE_SIGNATURES,
  FUNCTIONS as FUNCTIONS_OF_ENGINES,
} from '../../engines/globals/engine-signatures.ts';
import { Client } from '../../src/client/client.ts';
import { PdotResult } from '../../src/client/pdot/pdot-result.ts';
import { type PxReply, quietPx } from '../../src/client/px/px-run.ts';
import type { Transport } from '../../src/comm/transport.ts';
import { type Body, encodeBody } from '../../src/protocol/codec.ts';
import { decodeHeader, encodeMessage } from '../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { Header } from '../../src/protocol/messages.ts';
import { guardCalls, guarded } from '../../src/util/signature.ts';
import { fakeResult, fakeTask } from './fake-tasks.ts';

/** A function that is called with anything. */
export type AnyFunction = (...args: unknown[]) => unknown;

const ENGINE: EngineRecord = {
  id: 0,
  uuid: 'u',
  pid: 1,
  host: 'h',
  tasks: 'memory://tasks',
  control: 'memory://control',
  peers: 'memory://peers',
  device: {
    kind: 'cpu',
    adapter: 'x',
    driver: 'x',
    software: true,
    gpuMode: 'cpu',
    tfBackend: 'cpu',
    matmul: 'loops',
    threads: 1,
    limits: {},
    features: [],
    versions: {},
  },
};

/** A cluster of one engine that answers only while it is told to, and how many messages it was sent. */
export class Silent implements Transport {
  sent = 0;
  /** Are tasks answered, with undefined? */
  replies = false;

  connect(endpoint: string, handlers: Parameters<Transport['connect']>[1]): ReturnType<Transport['connect']> {
    const roster = { type: 'roster', engines: [ENGINE], version: 1 } as const;
    const link: ReturnType<Transport['connect']> = {
      pendingBytes: 0,
      drained: async () => {},
      send: async (parts) => {
        const answer = (header: Header, body?: Body) =>
          setImmediate(() => handlers.onMessage(encodeMessage(header, body).slice(), link));
        if (endpoint === 'memory://x') return void answer(roster);
        this.sent++;
        const header = decodeHeader(parts);
        if (!this.replies || header.type !== 'task') return;
        const metadata = { started: 0, completed: 0, stdout: '', stderr: '' };
        answer({ type: 'reply', id: header.id, status: 'ok', metadata }, encodeBody(undefined));
      },
      close: async () => {},
    };
    return link;
  }

  listen(): Promise<never> {
    return Promise.reject(new Error('nobody listens'));
  }
}

/** A public function with the object it belongs to. */
export interface Callee {
  readonly path: string;
  readonly owner: object | undefined;
  readonly fn: AnyFunction;
}

/** Called by the language, with arguments of its own. */
export const OF_THE_LANGUAGE = ['then', 'catch', 'finally', 'toString', 'next', 'return', 'toJSON'];
/** They end what they belong to, whatever they are given: a test of their own, below. */
export const ENDING = ['close', 'stop'];
/** Without a signature: `at` is called in loops and counts its indices itself; `place` is for this library. */
export const OWN_CHECK = ['at', 'place'];
export const FREE = [...OF_THE_LANGUAGE, ...ENDING, ...OWN_CHECK];

function methodsOf(owner: object, name: string): Callee[] {
  const found = new Map<string, AnyFunction>();
  for (let at = owner; Object.getPrototypeOf(at) !== null; at = Object.getPrototypeOf(at)) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && key !== 'constructor' && !FREE.includes(key)) found.set(key, value);
    }
  }
  return [...found].map(([key, fn]) => ({ path: `${name}.${key}`, owner, fn }));
}

/** Without a signature, because their source text travels: test/unit/tensor/convert.ts calls it wrongly. */
const IN_THEMSELVES = ['range'];

const isClass = (value: unknown) => /^class\b/.test(Function.prototype.toString.call(value));

export async function callees(): Promise<{ all: Callee[]; silent: Silent; rc: Client }> {
  const silent = new Silent();
  const rc = await Client.connect({ controller: 'memory://x', clusterId: 'x' }, { transport: silent });
  const view = rc.view([0]);
  const cluster = Object.create(directview.Cluster.prototype) as object;
  const names = Object.keys(ENGINE_SIGNATURES) as (keyof typeof ENGINE_SIGNATURES)[];
  const engine = Object.fromEntries(names.map((name) => [name, () => undefined]));
  guardCalls(engine, 'engine', ENGINE_SIGNATURES);
  const links = { uuid: 'u', ids: [0], control: () => Promise.resolve(undefined as never) };
  const px = quietPx(fakeResult([fakeTask(0)]) as PxReply, links, {});
  const { show, interrupt, leave } = px;
  const methods = [
    methodsOf(engine, 'engine'),
    methodsOf({ show, interrupt, leave }, 'px'),
    methodsOf(
      rc.loadBalanced().imap((x: number) => x, []),
      'stream',
    ),
    methodsOf(new PdotResult(() => new Promise(() => {})), 'product'),
    methodsOf(new directview.CompositeError('apply', []), 'CompositeError'),
    methodsOf(await newKernel(view, silent), 'kernel'),
    methodsOf(rc, 'client'),
    methodsOf(view, 'view'),
    methodsOf(rc.loadBalanced(), 'loadBalanced'),
    methodsOf(rc.executor(), 'executor'),
    methodsOf(fakeResult([fakeTask(0)]), 'result'),
    methodsOf(directview.tensor([1]), 'tensor'),
    methodsOf(new directview.Profile('f', 1, new Map()), 'profile'),
    methodsOf(cluster, 'cluster'),
  ].flat();
  const exported = Object.entries(directview).filter(([, value]) => typeof value === 'function') as [
    string,
    AnyFunction,
  ][];
  const functions = exported
    .filter(([name, fn]) => !isClass(fn) && !IN_THEMSELVES.includes(name))
    .map(([path, fn]) => ({ path, owner: undefined, fn }));
  const statics = exported
    .filter(([, fn]) => isClass(fn) && !(fn.prototype instanceof Error))
    .flatMap(([path, owner]) => Object.getOwnPropertyNames(owner).map((key) => ({ path, owner, key })))
    .filter(({ key }) => !['length', 'name', 'prototype'].includes(key))
    .map(({ path, owner, key }) => ({ path: `${path}.${key}`, owner, fn: Reflect.get(owner, key) as AnyFunction }));
  const plans = { path: 'pdot.plan', owner: undefined, fn: directview.pdot.plan as AnyFunction };
  const settings = { path: 'px.with', owner: undefined, fn: view.px.with as AnyFunction };
  const besides = Object.entries(FUNCTIONS_OF_ENGINES).map(([path, signature]) => {
    return { path, owner: undefined, fn: guarded(path, signature, () => undefined) as AnyFunction };
  });
  return { all: [...methods, ...functions, ...statics, plans, settings, ...besides], silent, rc };
}

/** A kernel, for which an engine has to answer once. */
async function newKernel(view: directview.DirectView, silent: Silent): Promise<object> {
  silent.replies = true;
  const kernel = await view.kernel((x) => x, { output: [1] });
  silent.replies = false;
  return { into: kernel.into, source: kernel.source, destroy: kernel.destroy };
}
