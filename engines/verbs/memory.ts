import process from 'node:process';
import type { EngineMemory } from '../../src/protocol/methods.ts';
import { isDeviceTensor } from '../device/residency.ts';
import type { EngineState } from '../engine-state.ts';
import type { Verb } from './verb.ts';

/** Counts bytes by name, on the device, and of the process. */
export const memory: Verb<'memory'> = {
  runsUserCode: () => false,
  run: (_, state) => memoryOf(state),
};

/** The bytes that the engine holds, once garbage is collected: what nobody references is not held. */
export function memoryOf(state: EngineState): EngineMemory {
  state.context.opened?.sweep();
  return {
    names: state.namespace.sizes(),
    resident: state.namespace.sizes((value) => residentBytes(value, state)),
    device: state.context.opened?.memory() ?? null,
    mail: state.peers.mailBytes,
    rss: process.memoryUsage.rss(),
  };
}

function residentBytes(value: unknown, { residency }: EngineState): number {
  return isDeviceTensor(value) ? value.byteLength : residency.bytesOf(value);
}
