import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { EngineId } from '../../src/protocol/messages.ts';

interface Member {
  readonly record: EngineRecord;
  /** The roster version that brought it. */
  readonly since: number;
  /** The roster version that no longer has it. */
  readonly until: number;
}

const REMEMBERED = 1000;

/**
 * The engines of the cluster, now and as of older versions of the roster. The tasks of one call must agree on ranks,
 * although engines come and go while they run.
 */
export class Membership {
  #members: Member[] = [];
  #left: Member[] = [];

  /** Takes over a roster; gives the engines that have left since the last one. */
  update(engines: readonly EngineRecord[], version: number): EngineRecord[] {
    const gone = this.#members.filter(({ record }) => !engines.some((now) => now.uuid === record.uuid));
    this.#left = [...this.#left, ...gone.map((member) => ({ ...member, until: version }))].slice(-REMEMBERED);
    this.#members = [...engines]
      .sort((a, b) => a.id - b.id)
      .map((record) => this.#known(record) ?? { record, since: version, until: Number.POSITIVE_INFINITY });
    return gone.map(({ record }) => record);
  }

  #known(record: EngineRecord): Member | undefined {
    return this.#members.find((member) => member.record.uuid === record.uuid);
  }

  /** The ids of the engines as of a version, or now, in ascending order: by rank. Some may have left since. */
  at(version = Number.POSITIVE_INFINITY): EngineId[] {
    const then = [...this.#members, ...this.#left].filter(({ since, until }) => since <= version && version < until);
    const now = version === Number.POSITIVE_INFINITY ? this.#members : then;
    return now.map(({ record }) => record.id).sort((a, b) => a - b);
  }

  /** The engine with this id, unless it has left since that version; a replacement that came later is another engine. */
  find(id: EngineId, version = Number.POSITIVE_INFINITY): EngineRecord | undefined {
    return this.#members.find(({ record, since }) => record.id === id && since <= version)?.record;
  }
}
