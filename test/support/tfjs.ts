// tfjs on the backends that tests can open without an engine. webgpu needs a device of ours: its context runs the same cases.
import * as tf from '@tensorflow/tfjs-core';
import { restoreUtil } from '../../engines/contexts/host/tensorflow.ts';
import type { TF } from '../../kernels/device.ts';

export type BackendName = 'cpu' | 'wasm' | 'tensorflow';
export type Opened = { readonly name: BackendName; readonly reason?: string };

const LOADERS: Readonly<Record<BackendName, () => Promise<unknown>>> = {
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
  wasm: () => import('@tensorflow/tfjs-backend-wasm'),
  tensorflow: () => {
    restoreUtil();
    return import('@tensorflow/tfjs-node');
  },
};

/** Loads every backend; one that cannot be loaded comes with the reason. */
export async function openBackends(names: readonly BackendName[] = ['cpu', 'wasm', 'tensorflow']): Promise<Opened[]> {
  return Promise.all(names.map(open));
}

async function open(name: BackendName): Promise<Opened> {
  try {
    await LOADERS[name]();
    return { name };
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { name, reason: `backend not installed: ${first}` };
  }
}

/** Runs on that backend, and fails if tensors are left afterwards. */
export async function onBackend<T>(name: BackendName, run: (tf: TF) => Promise<T>): Promise<T> {
  if (!(await tf.setBackend(name))) throw new Error(`tfjs backend ${name} did not start`);
  await tf.ready();
  const before = tf.memory().numTensors;
  const value = await run(tf);
  const left = tf.memory().numTensors - before;
  if (left !== 0) throw new Error(`${left} tensors left on ${name}`);
  return value;
}

/** The same tfjs, taken for one that computes elsewhere: corners come from its ops, as on a GPU, and not from the host. */
export function byOps(tf: TF): TF {
  return { ...tf, getBackend: () => 'elsewhere' };
}
