import type { Client } from 'directview';
import { median, samples } from './stats.ts';

/** Times of pushing one value to many engines: from the client to each, and from engine to engine. */
export interface BroadcastFigures {
  readonly engines: number;
  readonly bytes: number;
  /** Median milliseconds until every engine has the value. */
  readonly direct: number;
  readonly broadcast: number;
}

/** Measures both ways in turn, so that other load on the machine slows both. */
export async function broadcastFigures(rc: Client, bytes = 16e6, rounds = 7): Promise<BroadcastFigures> {
  const data = new Float32Array(bytes / 4).fill(1.5);
  const [direct, broadcast] = [rc.view('all'), rc.broadcast()];
  const times: { direct: number[]; broadcast: number[] } = { direct: [], broadcast: [] };
  for (let round = 0; round < rounds; round++) {
    times.direct.push(...(await samples(1, () => direct.push({ data }), round === 0 ? 1 : 0)));
    times.broadcast.push(...(await samples(1, () => broadcast.push({ data }), round === 0 ? 1 : 0)));
  }
  await direct.clear(['data']);
  return { engines: rc.length, bytes, direct: median(times.direct), broadcast: median(times.broadcast) };
}
