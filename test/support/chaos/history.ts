// Checks what a client was told against what it asked for: every operation ends once, none is done twice, data is right.
import { createHash } from 'node:crypto';

/** How an operation ended: done, failed (it may have begun), refused (it never began). */
export type Ending = 'ok' | 'fail' | 'unknown';

interface Operation {
  readonly kind: string;
  /** The checksum of the value that it must give. */
  readonly expected: string | undefined;
  readonly endings: Ending[];
  got?: string;
  error?: string;
}

/** The result of a history, after its end. */
export interface Verdict {
  readonly operations: number;
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
  /** Acknowledged, but the data is not what was written, or no engine has done it. */
  readonly lost: number;
  /** Done more than once. */
  readonly duplicated: number;
  /** Without an end. */
  readonly hung: number;
  /** The first few complaints. */
  readonly notes: readonly string[];
}

const MAX_NOTES = 20;

/** A checksum of bytes, numbers, and plain values. */
export function checksum(value: unknown): string {
  const hash = createHash('sha1');
  if (ArrayBuffer.isView(value)) hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  else hash.update(JSON.stringify(value) ?? 'undefined');
  return hash.digest('hex');
}

/** The operations of one run. */
export class History {
  readonly #operations = new Map<number, Operation>();

  /** An operation begins. `expected`: the value that it must give, if it is done. */
  invoke(kind: string, ...expected: readonly unknown[]): number {
    const id = this.#operations.size;
    const sum = expected.length === 0 ? undefined : checksum(expected[0]);
    this.#operations.set(id, { kind, expected: sum, endings: [] });
    return id;
  }

  /** It is done. */
  ok(id: number, value?: unknown): void {
    const operation = this.#end(id, 'ok');
    if (operation.expected !== undefined) operation.got = checksum(value);
  }

  /** It failed. `unknown`: nobody knows whether it was done. */
  fail(id: number, error: unknown, ending: Exclude<Ending, 'ok'> = 'unknown'): void {
    this.#end(id, ending).error = String(error);
  }

  #end(id: number, ending: Ending): Operation {
    const operation = this.#operations.get(id);
    if (operation === undefined) throw new Error(`operation ${id} was never begun`);
    operation.endings.push(ending);
    return operation;
  }

  /** Operations without an end. */
  get open(): number {
    return [...this.#operations.values()].filter(({ endings }) => endings.length === 0).length;
  }

  /** `runs`: how often engines have done each operation, of those that leave a mark. */
  verdict(runs: ReadonlyMap<number, number> = new Map(), marked: readonly string[] = []): Verdict {
    const notes: string[] = [];
    const counts = { ok: 0, failed: 0, unknown: 0, lost: 0, duplicated: 0, hung: 0 };
    for (const [id, operation] of this.#operations) {
      const ran = marked.includes(operation.kind) ? (runs.get(id) ?? 0) : undefined;
      for (const [count, note] of faultsOf(operation, ran)) {
        counts[count]++;
        if (note !== undefined && notes.length < MAX_NOTES) notes.push(`operation ${id} (${operation.kind}) ${note}`);
      }
    }
    return { operations: this.#operations.size, ...counts, notes };
  }
}

type Count = 'ok' | 'failed' | 'unknown' | 'lost' | 'duplicated' | 'hung';

function* faultsOf(operation: Operation, ran: number | undefined): Generator<readonly [Count, string?]> {
  const { endings, expected, got } = operation;
  const [first] = endings;
  if (first === undefined) yield ['hung', 'has no end'];
  else yield [first === 'fail' ? 'failed' : first];
  if (endings.length > 1) yield ['duplicated', `ended ${endings.length} times`];
  if (first === 'ok' && expected !== undefined && got !== expected) yield ['lost', 'gave other data than was written'];
  if (first === 'ok' && ran === 0) yield ['lost', 'was acknowledged, and no engine has done it'];
  if (first === 'fail' && (ran ?? 0) > 0) yield ['duplicated', 'was told as never begun, and ran'];
  if ((ran ?? 0) > 1) yield ['duplicated', `ran ${ran} times`];
}
