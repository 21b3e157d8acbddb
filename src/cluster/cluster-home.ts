import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { clusterPath, NoClusterHome } from '../client/links/cluster-path.ts';
import { type ClusterParty, type Credentials, newCredentials } from '../comm/zeromq/credentials.ts';
import { ClusterError } from '../errors.ts';
import { PROTOCOL_VERSION } from '../protocol/messages.ts';
import {
  assertFree,
  privateHome,
  removeClusterFile,
  sweepClusterFiles,
  writeClusterFile,
} from './files/cluster-file.ts';
import { writeEngineFile } from './files/engine-file.ts';
import { selfIdentity } from './files/process-identity.ts';
import { createRunDir, removeRunDir } from './files/run-dir.ts';
import type { EngineNetwork } from './network/engine-address.ts';
import type { CheckedStart } from './start-options.ts';

function networkOf(listen: CheckedStart['listen']): EngineNetwork | undefined {
  return typeof listen === 'object' ? { interface: listen.interface, ports: listen.ports } : undefined;
}

/** The files of a cluster: the private directory of its sockets, and the file by which other processes find it. */
export class Site {
  /** Unique to this start. */
  readonly id = randomUUID();
  readonly name: string;
  readonly runDir: string;
  /** The keys of each party, made for this start. None where the directory is the lock. */
  readonly keys: Readonly<Record<ClusterParty, Credentials>> | undefined;
  readonly #scheme: CheckedStart['scheme'];
  /** Where engines of other machines listen. */
  readonly network: EngineNetwork | undefined;
  readonly #isUnnamed: true | undefined;
  #file: string | undefined;
  #homeless: NoClusterHome | undefined;

  /** @throws ClusterError when a live cluster has the name, or no private directory can be made */
  constructor({ name, scheme, listen }: Pick<CheckedStart, 'name' | 'scheme' | 'listen'>) {
    this.name = name ?? `cluster-${process.pid}-${randomBytes(3).toString('hex')}`;
    this.#isUnnamed = name === undefined ? true : undefined;
    this.#scheme = scheme;
    this.network = networkOf(listen);
    // Before any engine starts. A cluster that nobody named can do without its file.
    if (name !== undefined) {
      privateHome();
      assertFree(clusterPath(name), name);
    }
    this.keys = scheme === 'unix' ? undefined : newCredentials(this.id);
    this.runDir = createRunDir();
  }

  /** Where to bind. In the directory a name must not be used twice: binding takes over whatever is at the path. */
  endpoint(name: string): string {
    return this.#scheme === 'unix' ? `unix://${join(this.runDir, name)}` : this.#scheme;
  }

  /** Where engines on tcp let those of their machine in: beside them, in the directory. Undefined where all sockets are there. */
  near(name: string): string | undefined {
    return this.#scheme === 'unix' ? undefined : `unix://${join(this.runDir, name)}`;
  }

  /** Writes the files for engines of other launchers and for clients. Without a home, an unnamed cluster does without the latter. */
  publish(controller: string, registry: string): void {
    writeEngineFile(this.runDir, { registry, credentials: this.keys?.engine.reveal(), network: this.network });
    try {
      sweepClusterFiles();
      this.#write(controller);
    } catch (error) {
      if (!(error instanceof NoClusterHome) || this.#isUnnamed !== true) throw error;
      this.#homeless = error;
    }
  }

  #write(controller: string): void {
    const { id: clusterId, name, runDir } = this;
    const owner = selfIdentity();
    const version = PROTOCOL_VERSION;
    const started = Date.now();
    const isUnnamed = this.#isUnnamed;
    const credentials = this.keys?.client;
    this.#file = writeClusterFile({
      version,
      name,
      clusterId,
      controller,
      runDir,
      started,
      owner,
      isUnnamed,
      credentials,
    });
  }

  /** The cluster file's path. @throws ClusterError before `publish` and after `remove`, and where there is no place for it */
  get file(): string {
    if (this.#homeless !== undefined)
      throw new ClusterError(`this cluster has no file: ${this.#homeless.message}`, { cause: this.#homeless });
    if (this.#file === undefined) throw new ClusterError('the cluster is stopped: it has no cluster file');
    return this.#file;
  }

  /** Idempotent; synchronous, so that the process's `exit` handler may call it. */
  remove(): void {
    if (this.#file !== undefined) removeClusterFile(this.#file, this.id);
    this.#file = undefined;
    removeRunDir(this.runDir);
  }
}
