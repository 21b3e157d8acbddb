import type { EngineId } from './messages.ts';

/** Engines of one machine, at least one. */
export type Mates = readonly [EngineId, ...EngineId[]];

/** The engines of each machine together, in the order of their first ones; one whose machine is not known stands alone. */
export function byMachine(ids: readonly EngineId[], machineOf: (id: EngineId) => string | undefined): readonly Mates[] {
  const hosts = new Map<string | EngineId, [EngineId, ...EngineId[]]>();
  for (const id of ids) {
    const machine = machineOf(id) ?? id;
    const mates = hosts.get(machine);
    if (mates === undefined) hosts.set(machine, [id]);
    else mates.push(id);
  }
  return [...hosts.values()];
}
