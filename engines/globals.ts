// The names that user code finds on globalThis of an engine. Users may shadow all of them, because the engine itself uses
// none.
import { useDevice } from '../kernels/device.ts';
import * as kernels from '../kernels/index.ts';
import type { DeviceReport } from '../src/protocol/messages.ts';
import type { EngineMemory } from '../src/protocol/methods.ts';
import { range, tensor } from '../src/tensor/convert.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { isThenable } from '../src/util/thenable.ts';
import type { CollectiveCalls } from './collectives/collectives.ts';
import { hostCopy } from './device/operands.ts';
import type { EngineParts } from './engine-parts.ts';
import type { ReceiveOptions } from './peers/peers.ts';
import { mimeBundle } from './user-code/display.ts';
import { startRequire } from './user-code/start-folder.ts';
import { multiply } from './verbs/matmul.ts';
import { memoryOf } from './verbs/memory.ts';

/** The `engine` of user code: this engine, its peers by rank, and MPI's collectives between running tasks. */
export interface EngineGlobal extends CollectiveCalls {
  readonly id: number;
  readonly uuid: string;
  /** The engine's place in the order of ids of the cluster. */
  readonly rank: number;
  readonly size: number;
  readonly device: DeviceReport;
  /** Bytes by name, on the device, and of the process. */
  memory(): EngineMemory;
  /** Puts a value into the mailbox of the engine with this rank. @throws RangeError, NotSerializableError */
  send(rank: number, tag: string, value: unknown): Promise<void>;
  /** Waits for the next value with this tag from the engine with this rank. @throws PeerError, RangeError */
  recv(rank: number, tag: string, options?: ReceiveOptions): Promise<unknown>;
  /** Sends data to the client while the task runs. A promise where the data hold tensors on the device: await it. */
  publish(data: unknown): void | Promise<void>;
  /** tfjs on this engine's device. @throws ContextError */
  tf(): Promise<unknown>;
  /** gpu.js on this engine's device. @throws ContextError */
  gpu(): Promise<unknown>;
}

/** Defines the names of user code on globalThis, and names the device on which kernels compute. */
export function installGlobals(parts: EngineParts, device: DeviceReport): void {
  const { state, libraries, capture, output } = parts;
  libraries.install();
  useDevice({ tf: () => libraries.tf(), threads: device.threads });
  const values = {
    engine: engineGlobal(parts, device),
    display: (value: unknown) => {
      // The text that the task has printed so far goes first.
      capture.flush();
      output.value('display', mimeBundle(value));
    },
    matmul: async (a: unknown, b: unknown) => hostCopy(await multiply({ a, b }, state)),
    sum,
    range,
    tensor,
    Tensor,
    require: startRequire,
    ...kernels,
  };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

function engineGlobal(parts: EngineParts, device: DeviceReport): EngineGlobal {
  const { state, collectives, libraries } = parts;
  const { identity, peers } = state;
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
    memory: () => memoryOf(state),
    send: (rank, tag, value) => peers.send(rank, tag, value),
    recv: (rank, tag, receive) => peers.recv(rank, tag, receive),
    broadcast: (value, options) => collectives.broadcast(value, options),
    scatter: (values, options) => collectives.scatter(values, options),
    gather: (value, options) => collectives.gather(value, options),
    allGather: (value, options) => collectives.allGather(value, options),
    reduce: (value, op, options) => collectives.reduce(value, op, options),
    allReduce: (value, op, options) => collectives.allReduce(value, op, options),
    barrier: (options) => collectives.barrier(options),
    publish: (data) => publish(data, parts),
    tf: () => libraries.load('tf'),
    gpu: () => libraries.load('gpu'),
  };
}

// Data without tensors on the device go out at once; others when they are read, before the task ends.
function publish(data: unknown, { output, state }: EngineParts): void | Promise<void> {
  const own = state.peers.onHost(data);
  if (isThenable(own)) return Promise.resolve(own).then((read) => output.value('data', read));
  output.value('data', own);
}

/** The sum of an array, typed array, tensor or iterable of numbers. */
export function sum(values: Iterable<number> | Tensor): number {
  let total = 0;
  if (values instanceof Tensor) for (let i = 0; i < values.size; i++) total += values.at(i);
  else for (const value of values) total += value;
  return total;
}
