import { hostname } from 'node:os';
import type { EngineStatus } from '../../protocol/messages/control.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { GpuCard } from '../../protocol/messages/monitoring.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { programOutput } from '../../util/system/program-output.ts';

const FIELDS = ['index', 'name', 'utilization.gpu', 'memory.used', 'memory.total'];
const COMMAND = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
const MIB = 2 ** 20;
/** Milliseconds in which the driver must answer, and for which an answer is used again. */
const ANSWER_MS = 3000;
const FRESH_MS = 1000;
/** Without a driver nobody asks again soon. */
const WITHOUT_MS = 60_000;

/** Asks the driver: the lines that `nvidia-smi` prints, or undefined without one. */
export type AskDriver = () => Promise<string | undefined>;

const nvidia: AskDriver = () => programOutput('nvidia-smi', COMMAND, ANSWER_MS).catch(() => undefined);

/** The NVIDIA cards of this machine, as their driver tells: how busy they are, and their memory. */
export class GpuCards {
  readonly #ask: AskDriver;
  #known: Promise<readonly GpuCard[]> | undefined;
  #until = 0;

  constructor(ask: AskDriver = nvidia) {
    this.#ask = ask;
  }

  /** All cards; none without a driver. Never rejects. */
  read(): Promise<readonly GpuCard[]> {
    if (this.#known !== undefined && performance.now() < this.#until) return this.#known;
    this.#until = performance.now() + FRESH_MS;
    this.#known = this.#fresh();
    return this.#known;
  }

  async #fresh(): Promise<readonly GpuCard[]> {
    const text = await this.#ask().catch(() => undefined);
    if (text === undefined) this.#until = performance.now() + WITHOUT_MS;
    return cardsOf(text ?? '');
  }

  /** The statuses, with what the driver tells of the cards of engines on this machine. */
  async addTo(
    statuses: ReadonlyMap<EngineId, EngineStatus>,
    record: (id: EngineId) => EngineRecord | undefined,
  ): Promise<Map<EngineId, EngineStatus>> {
    const host = hostname();
    const isHere = (id: EngineId, { gpu }: EngineStatus) => gpu !== undefined && record(id)?.host === host;
    const entries = [...statuses];
    if (!entries.some(([id, status]) => isHere(id, status))) return new Map(entries);
    const cards = new Map((await this.read()).map((card) => [card.index, card]));
    return new Map(
      entries.map(([id, status]) => {
        const card = isHere(id, status) ? cards.get(status.gpu?.index as number) : undefined;
        return [id, card === undefined ? status : { ...status, gpu: card }];
      }),
    );
  }
}

/** Reads what `nvidia-smi` prints: one line for each card. Numbers that it does not know are left out. */
export function cardsOf(text: string): GpuCard[] {
  const rows = text.split('\n').map((line) => line.split(',').map((cell) => cell.trim()));
  return rows.flatMap(([index, name, busy, used, total]) => {
    if (index === undefined || !/^\d+$/.test(index)) return [];
    const known = { busy: scaled(busy, 0.01), used: scaled(used, MIB), total: scaled(total, MIB) };
    const cells = Object.entries(known).filter(([, value]) => value !== undefined);
    return [{ index: Number(index), name: name ?? '', ...Object.fromEntries(cells) }];
  });
}

function scaled(cell: string | undefined, by: number): number | undefined {
  return cell === undefined || !/^\d+(\.\d+)?$/.test(cell) ? undefined : Number(cell) * by;
}
