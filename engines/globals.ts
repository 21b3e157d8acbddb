// What user code finds on globalThis of an engine. All of it may be shadowed; nothing of ours depends on these names.

import { useDevice } from '../kernels/device.ts';
import * as kernels from '../kernels/index.ts';
import type { DeviceReport } from '../src/protocol/messages.ts';
import type { EngineMemory } from '../src/protocol/methods.ts';
import { range, tensor } from '../src/tensor/convert.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { CollectiveCalls, Collectives } from './collectives/collectives.ts';
import { hostCopy } from './device/operands.ts';
import type { Peers, ReceiveOptions } from './peers/peers.ts';
import type { Capture } from './user-code/capture.ts';
import { mimeBundle } from './user-code/display.ts';
import type { Libraries } from './user-code/libraries.ts';
import { multiply } from './verbs/matmul.ts';
import { memoryOf } from './verbs/memory.ts';
import type { Session } from './verbs/verb.ts';

/** The `engine` of user code: itself, its peers by rank, and MPI's collectives between running tasks. */
export interface EngineGlobal extends CollectiveCalls {
  readonly id: number;
  readonly uuid: string;
  /** The engine's place in the order of ids of the cluster. */
  readonly rank: number;
  readonly size: number;
  readonly device: DeviceReport;
  /** Bytes by name, on the device, and of the process. */
  memory(): EngineMemory;
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(rank: number, tag: string, options?: ReceiveOptions): Promise<unknown>;
  /** Sends data to the client while the task runs. */
  publish(data: unknown): void;
  tf(): Promise<unknown>;
  gpu(): Promise<unknown>;
}

export interface GlobalsOptions {
  readonly session: Session;
  readonly peers: Peers;
  readonly collectives: Collectives;
  readonly libraries: Libraries;
  readonly capture: Capture;
  readonly device: DeviceReport;
  /** Sends a value of the running task: a mime bundle, or published data. */
  readonly emit: (stream: 'display' | 'data', value: unknown) => void;
}

export function installGlobals(options: GlobalsOptions): void {
  const { session, capture, emit } = options;
  options.libraries.install(() => `engine ${session.identity.id}`);
  useDevice({ tf: () => options.libraries.tf(), threads: options.device.threads });
  const values = {
    engine: engineGlobal(options),
    display: (value: unknown) => {
      // Text printed before comes before.
      capture.flush();
      emit('display', mimeBundle(value));
    },
    matmul: async (a: unknown, b: unknown) => hostCopy(await multiply(a, b, session, 'nothing')),
    sum,
    range,
    tensor,
    Tensor,
    ...kernels,
  };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

function engineGlobal({ session, peers, collectives, libraries, device, emit }: GlobalsOptions): EngineGlobal {
  const { identity } = session;
  return {
    get id() {
      return identity.id;
    },
    uuid: identity.uuid,
    get rank() {
      return peers.rank;
    },
    get size() {
      return peers.ids.length;
    },
    device,
    memory: () => memoryOf(session),
    send: (rank, tag, value) => peers.send(rank, tag, value),
    recv: (rank, tag, receive) => peers.recv(rank, tag, receive),
    broadcast: (value, options) => collectives.broadcast(value, options),
    scatter: (values, options) => collectives.scatter(values, options),
    gather: (value, options) => collectives.gather(value, options),
    allGather: (value, options) => collectives.allGather(value, options),
    reduce: (value, op, options) => collectives.reduce(value, op, options),
    allReduce: (value, op, options) => collectives.allReduce(value, op, options),
    barrier: (options) => collectives.barrier(options),
    publish: (data) => emit('data', data),
    tf: () => libraries.load('tf'),
    gpu: () => libraries.load('gpu'),
  };
}

/** The sum of an array, typed array, tensor or iterable of numbers. */
export function sum(values: Iterable<number> | Tensor): number {
  let total = 0;
  if (values instanceof Tensor) for (let i = 0; i < values.size; i++) total += values.at(i);
  else for (const value of values) total += value;
  return total;
}
