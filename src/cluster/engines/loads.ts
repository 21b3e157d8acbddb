import type { Transport } from '../../comm/transport.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { ControlClient } from '../../rpc/control-client.ts';

/** Milliseconds in which an engine must answer. */
const ANSWER_MS = 2000;

/** How many tasks run and wait on each of these engines, those of all clients; one that does not answer in time is left out. */
export async function loadsOf(
  engines: readonly EngineRecord[],
  transport: Transport,
): Promise<ReadonlyMap<EngineId, number>> {
  const all = await Promise.all(engines.map(async (engine) => [engine.id, await loadOf(engine, transport)] as const));
  return new Map(all.flatMap(([id, load]) => (load === undefined ? [] : [[id, load]])));
}

async function loadOf(engine: EngineRecord, transport: Transport): Promise<number | undefined> {
  const control = new ControlClient(transport, engine);
  try {
    const { running, queue } = await control.ask({ type: 'status' }, ANSWER_MS);
    return queue.length + (running === null ? 0 : 1);
  } catch {
    return undefined;
  } finally {
    await control.close();
  }
}
