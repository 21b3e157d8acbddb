import type { HeldMemory } from '../../src/protocol/messages/monitoring.ts';
import type { EngineMemory } from '../../src/protocol/methods.ts';
import { residentBytes } from '../../src/util/system/resident-bytes.ts';
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
    resident: state.namespace.sizes((value) => bytesOnDevice(value, state)),
    device: state.context.opened?.memory() ?? null,
    moved: state.context.opened?.moved?.() ?? null,
    mail: state.peers.mailBytes,
    results: state.results.keptBytes,
    rss: residentBytes(),
  };
}

/** Names that a status tells; the others of an engine with more are smaller. */
const MOST_NAMES = 100;

/** The bytes that the engine holds, garbage included: what a status tells. */
export function heldBy(state: EngineState): Omit<HeldMemory, 'at'> {
  return {
    names: largest(state.namespace.sizes()),
    resident: largest(state.namespace.sizes((value) => bytesOnDevice(value, state))),
    device: state.context.opened?.memory() ?? null,
    mail: state.peers.mailBytes,
  };
}

function largest(bytes: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const entries = Object.entries(bytes);
  if (entries.length <= MOST_NAMES) return bytes;
  return Object.fromEntries(entries.sort(([, a], [, b]) => b - a).slice(0, MOST_NAMES));
}

function bytesOnDevice(value: unknown, { residency }: EngineState): number {
  return isDeviceTensor(value) ? value.byteLength : residency.bytesOf(value);
}
