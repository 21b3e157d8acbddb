import { join } from 'node:path';
import { line, list, object, whole } from '../../../protocol/fields.ts';
import type { EngineRecord } from '../../../protocol/messages/engine-record.ts';
import { writeFileAtomicSync } from '../../../util/atomic-write.ts';
import type { ClusterInfo } from '../../links/cluster-file.ts';
import type { EngineLinks } from '../../links/engine-links.ts';
import { readPrivate } from '../../links/private-file.ts';
import { type ClusterCosts, clusterCosts } from './costs.ts';

const FILE = 'costs.json';
const UNIX = /^unix:\/\/(.+)\/[^/]+$/;
/** A file of another format is of another version of this package. */
const FORMAT = 2;
/** As lines of messages are read. */
const MOST_CHARACTERS = 500;

/** The part of an engine's record that its costs depend on. */
export type MeasuredEngine = Pick<EngineRecord, 'id' | 'host'> & {
  readonly device: Pick<EngineRecord['device'], 'kind' | 'adapter' | 'matmul' | 'threads'>;
};

/** Measured costs, and the engines that they were measured on. */
const measurement = object({ format: whole, of: list(line), costs: clusterCosts });

/** The costs of a cluster, or the reason why those that were measured do not count, or nothing. */
export interface CostsFound {
  readonly costs?: ClusterCosts | undefined;
  /** Says it to the user. Absent where nobody has measured. */
  readonly ignored?: string | undefined;
}

/** The costs of messages between engines. */
type LinkCosts = Pick<ClusterCosts, 'mail' | 'between' | 'mailAlone' | 'betweenAlone'>;

interface Measurement {
  /** A line for each engine: where it is, and what it computes on. */
  readonly of: readonly string[];
  readonly costs: ClusterCosts;
}

/**
 * The measured costs of a cluster, kept in its private folder for other clients of this host. A folder on another host
 * keeps none: then they live as long as the client. They count for the same number of engines on the same contexts and hosts: not
 * when engines have come, gone, or changed their context.
 */
export class KnownCosts {
  readonly #file: string | undefined;
  #found: Measurement | { readonly fault: string } | undefined;
  /** The engines for which the file was read. */
  #readFor: string | undefined;
  /** Undefined until they are first asked for; null where nobody has measured. */
  #links: LinkCosts | null | undefined;

  constructor(info: ClusterInfo & { readonly runDir?: string | undefined }) {
    const folder = info.runDir ?? UNIX.exec(info.controller)?.[1];
    this.#file = folder === undefined ? undefined : join(folder, FILE);
  }

  /** The costs of these engines, as `find`; undefined where there are none that count. */
  get(engines: readonly MeasuredEngine[] = []): ClusterCosts | undefined {
    return this.find(engines).costs;
  }

  /**
   * The costs of these engines. The file is read when this client first asks, and again after engines have changed: others may
   * have measured since.
   */
  find(engines: readonly MeasuredEngine[]): CostsFound {
    const now = linesOf(engines);
    if (this.#readFor !== String(now) && !this.#countsFor(now)) {
      this.#readFor = String(now);
      this.#know(read(this.#file) ?? this.#found);
    }
    const found = this.#found;
    if (found === undefined) return {};
    if ('fault' in found) return { ignored: `${FILE} does not count: ${found.fault}` };
    if (this.#countsFor(now)) return { costs: found.costs };
    return { ignored: `the measured costs do not count: ${changeOf(found.of, now)}; probe again` };
  }

  /**
   * The costs of messages between engines, always the same object; undefined where nobody has measured. They are those of the
   * hosts and count on when engines come or go: all ranks of a call get the same.
   */
  get links(): LinkCosts | undefined {
    if (this.#links === undefined) this.#know(read(this.#file));
    return this.#links ?? undefined;
  }

  #know(found: Measurement | { readonly fault: string } | undefined): void {
    this.#found = found;
    const costs = found !== undefined && 'of' in found ? found.costs : undefined;
    this.#links = costs === undefined ? null : linksOf(costs);
  }

  #countsFor(now: readonly string[]): boolean {
    return this.#found !== undefined && 'of' in this.#found && String(this.#found.of) === String(now);
  }

  /** Keeps new ones of these engines, for others too where the folder is here. */
  keep(costs: ClusterCosts, engines: readonly MeasuredEngine[] = []): void {
    const of = linesOf(engines);
    this.#readFor = String(of);
    this.#know({ of, costs });
    if (this.#file === undefined) return;
    try {
      writeFileAtomicSync(this.#file, `${JSON.stringify({ format: FORMAT, of, costs })}\n`, { mode: 0o600 });
    } catch {
      // The folder is on another host, or the cluster is gone.
    }
  }
}

function linksOf({ mail, between, mailAlone, betweenAlone }: ClusterCosts): LinkCosts {
  const isWhole = mailAlone !== undefined && betweenAlone !== undefined;
  return isWhole ? { mail, between, mailAlone, betweenAlone } : { mail, between };
}

/** The costs of each client's cluster. */
export const knownCosts = new WeakMap<EngineLinks, KnownCosts>();

/** Alike for engines in another order: ids are given anew, and a successor computes as the one before it. */
function linesOf(engines: readonly MeasuredEngine[]): readonly string[] {
  return engines
    .map(
      ({ host, device: { kind, adapter, matmul, threads } }) =>
        `${host}: ${kind}, ${adapter}, ${matmul}, ${threads} threads`,
    )
    .map((text) => text.slice(0, MOST_CHARACTERS))
    .sort();
}

function changeOf(before: readonly string[], now: readonly string[]): string {
  if (before.length !== now.length) return `they are of ${counted(before.length)}, and there are ${now.length}`;
  const [old, other] = before.flatMap((one, i) => (one === now[i] ? [] : [[one, now[i]]]))[0] ?? [];
  return `an engine was on ${old}, and is on ${other}`;
}

const counted = (n: number): string => (n === 1 ? '1 engine' : `${n} engines`);

/** Undefined where there is no file. */
function read(file: string | undefined): Measurement | { readonly fault: string } | undefined {
  if (file === undefined) return undefined;
  try {
    return parsed(readPrivate(file));
  } catch (error) {
    const { cause, message } = error as Error;
    return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT' ? undefined : { fault: message };
  }
}

/** @throws Error that says what is wrong with the text */
function parsed(text: string): Measurement {
  const value = JSON.parse(text) as { readonly format?: unknown } | null;
  if (value?.format !== FORMAT) throw new Error('another version of this package wrote it');
  const { of, costs } = measurement(value, FILE);
  const wrong = Object.entries(costs).find(([, cost]) => (cost as number) < 0);
  if (wrong !== undefined || costs.flops === 0) throw new Error(`no cluster has ${wrong?.join(' ') ?? 'flops 0'}`);
  return { of, costs };
}
