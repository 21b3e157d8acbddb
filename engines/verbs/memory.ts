// memory: bytes by name, on the device, and of the process.
import process from 'node:process';
import type { Memory } from '../memory.ts';
import type { Session, Verb } from './verb.ts';

export const memory: Verb<unknown> = {
  runsUserCode: () => false,
  run: (_, session) => memoryOf(session),
};

export function memoryOf(session: Session): Memory {
  return {
    names: session.namespace.sizes(),
    device: session.opened()?.memory() ?? null,
    rss: process.memoryUsage.rss(),
  };
}
