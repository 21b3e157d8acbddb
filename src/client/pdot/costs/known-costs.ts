import { join } from 'node:path';
import { writeFileAtomicSync } from '../../../util/atomic-write.ts';
import type { ClusterInfo } from '../../links/cluster-file.ts';
import type { EngineLinks } from '../../links/engine-links.ts';
import { readPrivate } from '../../links/private-file.ts';
import { type ClusterCosts, clusterCosts } from './costs.ts';

const FILE = 'costs.json';
const UNIX = /^unix:\/\/(.+)\/[^/]+$/;

/**
 * The measured costs of a cluster, kept in its private folder for other clients of this host. A folder on another host
 * keeps none: then they live as long as the client.
 */
export class KnownCosts {
  readonly #file: string | undefined;
  #costs: ClusterCosts | undefined;
  #isRead = false;

  constructor(info: ClusterInfo & { readonly runDir?: string | undefined }) {
    const folder = info.runDir ?? UNIX.exec(info.controller)?.[1];
    this.#file = folder === undefined ? undefined : join(folder, FILE);
  }

  /** The costs as they were measured last when this client first asked; undefined when nobody has measured. */
  get(): ClusterCosts | undefined {
    if (!this.#isRead) {
      this.#isRead = true;
      this.#costs = read(this.#file);
    }
    return this.#costs;
  }

  /** Keeps new ones, for others too where the folder is here. */
  keep(costs: ClusterCosts): void {
    this.#isRead = true;
    this.#costs = costs;
    if (this.#file === undefined) return;
    try {
      writeFileAtomicSync(this.#file, `${JSON.stringify(costs)}\n`, { mode: 0o600 });
    } catch {
      // The folder is on another host, or the cluster is gone.
    }
  }
}

/** The costs of each client's cluster. */
export const knownCosts = new WeakMap<EngineLinks, KnownCosts>();

function read(file: string | undefined): ClusterCosts | undefined {
  if (file === undefined) return undefined;
  try {
    return clusterCosts(JSON.parse(readPrivate(file)), FILE);
  } catch {
    return undefined; // not measured, or not ours
  }
}
