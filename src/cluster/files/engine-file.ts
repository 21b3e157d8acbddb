import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPrivate } from '../../client/links/private-file.ts';
import { ClusterError } from '../../errors.ts';
import { credentialsText } from '../../protocol/credentials.ts';
import { type ObjectOf, object, optional, type Reader, text } from '../../protocol/fields.ts';
import { engineNetwork } from '../network/engine-address.ts';

const NAME = 'engines.json';

const fileFields = {
  /** The endpoint of the controller's registry. */
  registry: text,
  /** The keys of engines, where the cluster listens on tcp. */
  credentials: optional(credentialsText),
  /** Where engines on other machines listen, if the cluster listens on tcp and somebody has said so. */
  network: optional(engineNetwork),
};

/** The address and the keys with which an engine of another launcher joins a cluster. Clients get other keys. */
export interface EngineFile extends ObjectOf<typeof fileFields> {}

const engineFile: Reader<EngineFile> = object(fileFields);

/** Writes the file into the cluster's private directory. */
export function writeEngineFile(runDir: string, content: EngineFile): void {
  writeFileSync(join(runDir, NAME), `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' });
}

/** Reads the file. @throws ClusterError when it is missing, not this user's alone, or damaged */
export function loadEngineFile(runDir: string): EngineFile {
  const path = join(runDir, NAME);
  const content = readPrivate(path);
  try {
    return engineFile(JSON.parse(content), 'the file');
  } catch {
    throw new ClusterError(`${path} is damaged: no engine can join by it`);
  }
}
