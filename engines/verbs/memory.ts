// memory: bytes by name, on the device, and of the process.
import process from 'node:process';
import { isDeviceTensor } from '../device/residency.ts';
import type { Memory } from '../user-code/sizes.ts';
import type { Session, Verb } from './verb.ts';

export const memory: Verb<unknown> = {
  runsUserCode: () => false,
  run: (_, session) => memoryOf(session),
};

export function memoryOf(session: Session): Memory {
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
