import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { TaskId } from '../../protocol/messages.ts';
import type { TravellingName } from '../../protocol/travelling-names.ts';
import { Attempt } from './attempt.ts';

const LABEL = 'names';

/** The names of this client that one engine has, by their versions. */
export class NamesThere {
  readonly #versions = new Map<string, string>();

  /** Those that the engine does not have in this version; from now on it has them. */
  fresh(names: readonly TravellingName[]): readonly TravellingName[] {
    const fresh = names.filter(({ name, version }) => this.#versions.get(name) !== version);
    for (const { name, version } of fresh) this.#versions.set(name, version);
    return fresh;
  }

  /** The attempt that brings them. No call waits for it; if it fails, the next call brings them again. */
  attempt(id: TaskId, engine: EngineRecord, names: readonly TravellingName[]): Attempt {
    const attemptEnded = ({ outcome }: Attempt) => {
      if (outcome?.ok !== true) for (const { name } of names) this.#versions.delete(name);
    };
    return new Attempt({ id, label: LABEL, attemptEnded, attemptSaid: () => {} }, engine, id);
  }
}
