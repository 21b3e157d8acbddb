import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { processIdentity } from '../../client/links/cluster-file.ts';
import { clusterHome } from '../../client/links/cluster-path.ts';
import { readPrivate } from '../../client/links/private-file.ts';
import { num, type ObjectOf, object, type Reader, text } from '../../protocol/fields.ts';
import { writeFileAtomicSync } from '../../util/atomic-write.ts';
import { isPlainObject } from '../../util/checks.ts';
import { makeFolders } from '../../util/system/make-folders.ts';
import { privateHome } from './cluster-file.ts';
import { isGone } from './process-identity.ts';

const NAME = 'jobs.json';
const FOLDER = /^launch-[\w-]+$/;

/** A launcher on paper: the folder of launchers stands above this one. */
type OnPaper = { readonly kind: string; readonly [field: string]: unknown };

const launcherJson: Reader<OnPaper> = (value, where) => {
  if (isPlainObject(value) && typeof value['kind'] === 'string') return { ...value, kind: value['kind'] };
  throw new TypeError(`${where} is the JSON of a launcher`);
};

const fileFields = {
  /** The cluster's name. */
  name: text,
  clusterId: text,
  /** The process that has submitted the jobs. */
  owner: processIdentity,
  /** Milliseconds since the epoch. */
  started: num,
  launcher: launcherJson,
};

/** The jobs that a cluster has submitted to a system that keeps them, without any secret. */
export interface JobFile extends ObjectOf<typeof fileFields> {}

/** The jobs of a cluster whose process was killed: nobody else would end them. */
export interface LeftJobs extends JobFile {
  readonly path: string;
}

const jobFile: Reader<JobFile> = object(fileFields);

/** The folder of a cluster's launches, in the user's folder of clusters. */
export const launchFolder = (clusterId: string, home: string = clusterHome()): string =>
  join(home, `launch-${clusterId}`);

/** Makes that folder, for its owner alone. @throws ClusterError, NoClusterHome */
export function makeLaunchFolder(folder: string): void {
  privateHome(dirname(folder));
  makeFolders(folder, 0o700);
}

/** Writes the jobs into the folder of their launches, for its owner alone. @throws ClusterError, NoClusterHome */
export function writeJobFile(folder: string, file: JobFile): void {
  makeLaunchFolder(folder);
  writeFileAtomicSync(join(folder, NAME), `${JSON.stringify(file)}\n`, { mode: 0o600 });
}

/** The jobs of clusters whose process has been killed on this host, the oldest first. Files that cannot be read are passed over. */
export function leftJobs(home: string = clusterHome()): LeftJobs[] {
  const all = namesIn(home).flatMap((name) => tryLoad(join(home, name, NAME)) ?? []);
  return all.filter(({ owner }) => isGone(owner)).sort((a, b) => a.started - b.started);
}

/** Removes the folder of those jobs: they are over. */
export function forgetJobs({ path }: LeftJobs): void {
  rmSync(dirname(path), { recursive: true, force: true });
}

function namesIn(home: string): string[] {
  try {
    return readdirSync(home).filter((name) => FOLDER.test(name));
  } catch {
    return [];
  }
}

function tryLoad(path: string): LeftJobs | undefined {
  try {
    return { ...jobFile(JSON.parse(readPrivate(path)), 'the file'), path };
  } catch {
    return undefined;
  }
}
