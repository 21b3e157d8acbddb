import type { BulkFolder } from './bulk-folder.ts';
import { OutgoingFile } from './outgoing-file.ts';

/** A link that writes to a bulk file. */
export interface OutgoingUser {
  /** The other links write to another file from now on. */
  moveTo(file: OutgoingFile): void;
}

/** The bulk files of one transport: one that its links write to, and older ones until their links have changed to it. */
export class Outgoing {
  readonly #folder: BulkFolder;
  readonly #slotBytes: number;
  readonly #users = new Set<OutgoingUser>();
  #newest: OutgoingFile | undefined;

  constructor(folder: BulkFolder, slotBytes: number) {
    this.#folder = folder;
    this.#slotBytes = slotBytes;
  }

  /**
   * The file for data of a link that writes to `used` now; undefined: none can be made. A file without a name cannot be opened by
   * another peer: a link that comes late gets a new file, and all others change to it.
   */
  fileFor(used: OutgoingFile | undefined): OutgoingFile | undefined {
    const newest = this.#newest;
    if (newest?.isRetired === false && (newest === used || newest.isNamed)) return newest;
    return used?.isRetired === false ? used : this.#create();
  }

  #create(): OutgoingFile | undefined {
    const file = this.#folder.create();
    this.#newest = file && new OutgoingFile(this.#folder, file, this.#slotBytes);
    if (this.#newest !== undefined) for (const user of this.#users) user.moveTo(this.#newest);
    return this.#newest;
  }

  /** A link writes to a file of these. */
  add(user: OutgoingUser): void {
    this.#users.add(user);
  }

  /** A link has ended. */
  delete(user: OutgoingUser): void {
    this.#users.delete(user);
  }
}
