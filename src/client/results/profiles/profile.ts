import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { EngineId } from '../../../protocol/messages.ts';
import { WORD } from '../../../util/checks.ts';
import { guardCalls, promises, type Signatures } from '../../../util/signature.ts';
import { makeFolders } from '../../../util/system/make-folders.ts';
import type { CpuProfile } from './cpu-profile.ts';
import { speedscopeOf } from './speedscope.ts';

/** Where the engines of a view spent their CPU time during a call. */
export class Profile<T = unknown> {
  /** The value of the call: one value per target, or the bare value of a single one. */
  readonly value: T;
  /** The CPU profile of each engine. */
  readonly engines: ReadonlyMap<EngineId, CpuProfile>;
  readonly #name: string;

  constructor(name: string, value: T, engines: ReadonlyMap<EngineId, CpuProfile>) {
    this.#name = name;
    this.value = value;
    this.engines = engines;
  }

  /**
   * Writes `engine-ID.cpuprofile` for each engine (Chrome and VS Code open them) and `speedscope.json`, all engines in one file
   * (speedscope.app), into a folder, which is made. @returns the paths
   * @throws the error of node:fs
   * @example
   * const profile = await view.profile(crunch, data);
   * await profile.save('profiles'); // ['profiles/engine-0.cpuprofile', …, 'profiles/speedscope.json']
   */
  async save(folder = 'profiles'): Promise<string[]> {
    makeFolders(folder);
    const byName = new Map([...this.engines].map(([id, profile]) => [`engine ${id}`, profile]));
    const files = [...this.engines].map(([id, profile]) => [`engine-${id}.cpuprofile`, profile] as const);
    const all = [...files, ['speedscope.json', speedscopeOf(this.#name, byName)] as const];
    const paths = all.map(([name]) => join(folder, name));
    await Promise.all(all.map(([, content], i) => writeFile(paths[i] as string, JSON.stringify(content))));
    return paths;
  }

  [inspect.custom](): string {
    return `<Profile of ${this.#name} on ${this.engines.size} engines>`;
  }
}

guardCalls(Profile.prototype, 'profile', { save: promises({}, { folder: WORD }) } satisfies Signatures<Profile>);
