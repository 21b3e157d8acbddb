import process from 'node:process';
import type { EngineMemory } from '../../src/protocol/methods.ts';
import { isDeviceTensor } from '../device/residency.ts';
import type { Session, Verb } from './verb.ts';

/** Counts bytes by name, on the device, and of the process. */
export const memory: Verb<'memory'> = {
  runsUserCode: () => false,
  run: (_, session) => memoryOf(session),
};

/** The bytes that the engine holds now. */
export function memoryOf(session: Session): EngineMemory {
  return {
    names: session.namespace.sizes(),
    resident: session.namespace.sizes((value) => residentBytes(value, session)),
    device: session.opened()?.memory() ?? null,
    mail: session.peers.mailBytes,
    rss: process.memoryUsage.rss(),
  };
}

function residentBytes(value: unknown, { residency }: Session): number {
  return isDeviceTensor(value) ? value.byteLength : residency.bytesOf(value);
}
