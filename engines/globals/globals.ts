// The names that user code finds on globalThis of an engine. Users may shadow all of them, because the engine itself uses
// none.
import { useDevice } from '../../kernels/device.ts';
import * as kernels from '../../kernels/index.ts';
import type { DeviceReport } from '../../src/protocol/messages/engine-record.ts';
import { mimeBundle } from '../../src/protocol/mime-bundle.ts';
import { range, tensor } from '../../src/tensor/convert.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { guardCalls, guarded, noMore } from '../../src/util/signature.ts';
import { isThenable } from '../../src/util/thenable.ts';
import { hostCopy } from '../device/operands.ts';
import type { EngineParts } from '../engine-parts.ts';
import { startRequire } from '../user-code/start-folder.ts';
import { multiply } from '../verbs/matmul.ts';
import { memoryOf } from '../verbs/memory.ts';
import type { EngineGlobal } from './engine-global.ts';
import { ENGINE, FUNCTIONS } from './engine-signatures.ts';
import { engineRandom } from './random.ts';

/** Defines the names of user code on globalThis, and names the device on which kernels compute. */
export function installGlobals(parts: EngineParts, device: DeviceReport): void {
  const { state, libraries, capture, output, board, control } = parts;
  libraries.install();
  useDevice({
    tf: () => libraries.tf(),
    threads: device.threads,
    limit: (ms) => control.deadline(board.get('started'), ms),
  });
  const values = {
    engine: engineGlobal(parts, device),
    display: guarded('display', FUNCTIONS.display, (value: unknown) => {
      // The text that the task has printed so far goes first.
      capture.flush();
      output.value('display', mimeBundle(value));
    }),
    matmul: guarded('matmul', FUNCTIONS.matmul, async (a: unknown, b: unknown) =>
      hostCopy(await multiply({ a, b }, state)),
    ),
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

// Values of peers have the types that user code expects: nothing here can check them.
function engineGlobal(parts: EngineParts, device: DeviceReport): EngineGlobal {
  const { state, collectives, libraries } = parts;
  const { identity, peers } = state;
  const engine: EngineGlobal = {
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
    host: parts.site.host,
    job: parts.site.job,
    device,
    memory: () => memoryOf(state),
    send: (rank, tag, value) => peers.send(rank, tag, value),
    recv: (rank, tag, receive) => peers.recv(rank, tag, receive) as Promise<never>,
    broadcast: (value, options) => collectives.broadcast(value, options) as Promise<never>,
    scatter: (values, options) => collectives.scatter(values, options) as Promise<never>,
    gather: (value, options) => collectives.gather(value, options) as Promise<never[]>,
    allGather: (value, options) => collectives.allGather(value, options) as Promise<never[]>,
    reduce: (value, op, options) => collectives.reduce(value, op, options) as Promise<never>,
    allReduce: (value, op, options) => collectives.allReduce(value, op, options) as Promise<never>,
    reduceScatter: (value, op, options) => collectives.reduceScatter(value, op, options) as Promise<never>,
    allToAll: (values, options) => collectives.allToAll(values, options) as Promise<never>,
    barrier: (options) => collectives.barrier(options),
    publish: (data) => publish(data, parts),
    random: engineRandom(parts.seed, () => identity.id),
    tf: () => libraries.load('tf'),
    gpu: () => libraries.load('gpu'),
  };
  guardCalls(engine, 'engine', ENGINE);
  return engine;
}

// Data without tensors on the device go out at once; others when they are read, before the task ends.
function publish(data: unknown, { output, state }: EngineParts): void | Promise<void> {
  const own = state.peers.onHost(data);
  if (isThenable(own)) return output.read('data', own);
  output.value('data', own);
}

/** The sum of an array, typed array, tensor or iterable of numbers. @throws TypeError for anything else */
export function sum(values: Iterable<number> | Tensor, ...surplus: never[]): number {
  noMore(surplus, 'sum', ['values']);
  let total = 0;
  if (values instanceof Tensor) for (let i = 0; i < values.size; i++) total += values.at(i);
  else for (const value of values) total += value;
  return total;
}
