import { randomUUID } from 'node:crypto';
import type { EngineId } from '../src/protocol/messages.ts';

/** Names this engine process among others. The controller gives the id after the start; until then it is -1. */
export class Identity {
  /** Unique for this process: a replacement under the same id has another one. */
  readonly uuid: string;
  id: EngineId = -1;

  constructor(uuid: string = randomUUID()) {
    this.uuid = uuid;
  }

  /** The name for messages and stacks: `engine 2`. */
  get name(): string {
    return `engine ${this.id}`;
  }
}
