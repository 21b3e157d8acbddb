import { ProtocolError } from '../../src/errors.ts';
import { isProvable, proves } from '../../src/protocol/client-name.ts';
import type { ControlRequest } from '../../src/protocol/messages/control.ts';
import type { HelloMessage } from '../../src/protocol/messages/hello.ts';
import type { TaskId } from '../../src/protocol/messages.ts';
import { clientOf } from './fair-queue.ts';

/**
 * The clients at the other ends of links. A name counts when the link has proved it by its secret: a field of a message
 * could say anything. A nickname, which has no secret, belongs to nobody.
 */
export class Callers {
  /** `<name>:`, as the ids of its tasks begin. */
  readonly #prefixes = new WeakMap<object, string>();

  /** The link says who it is. @throws ProtocolError when it does not know that name's secret */
  hello(link: object, { client, secret }: HelloMessage): void {
    if (!proves(client, secret)) throw new ProtocolError(`this link does not prove that it is client ${client}`);
    this.#prefixes.set(link, `${client}:`);
  }

  /** The name that this link has proved. */
  nameOf(link: object): string | undefined {
    return this.#prefixes.get(link)?.slice(0, -1);
  }

  /** @throws ProtocolError for an id that begins with the name of another client */
  mustOwn(link: object, id: TaskId): void {
    const prefix = this.#prefixes.get(link);
    if (prefix !== undefined && id.startsWith(prefix)) return;
    this.#refuse(link, clientOf(id), `task '${id}'`);
  }

  /** @throws ProtocolError for a relayed body of another client: its key is `<name>.<call>` */
  mustOwnKey(link: object, key: string): void {
    this.#refuse(link, key.slice(0, key.lastIndexOf('.')), `the relayed body '${key}'`);
  }

  #refuse(link: object, owner: string, what: string): void {
    if (isProvable(owner) && this.nameOf(link) !== owner)
      throw new ProtocolError(`${what} is for client ${owner} to send, which this link is not`);
  }
}

/** May this client end or free a task with that id? Its own, those of a nickname, and all others when it says so. */
export function mayTouch(id: TaskId, caller: string | undefined, others: boolean | undefined): boolean {
  if (others === true) return true;
  const owner = clientOf(id);
  return owner === caller || !isProvable(owner);
}

/** Why this client may not ask that; undefined where it may. An interrupt without ids means what it may interrupt. */
export function refusalOf(request: ControlRequest, caller: string | undefined): string | undefined {
  if (request.type !== 'abort' && request.type !== 'interrupt' && request.type !== 'purge') return undefined;
  const { ids = [], others } = request;
  const dropped = 'drop' in request ? (request.drop ?? []) : [];
  const foreign = [...ids, ...dropped].find((id) => !mayTouch(id, caller, others));
  if (foreign !== undefined) return `task '${foreign}' is another client's: ${request.type} wants others: true`;
  const client = 'client' in request ? request.client : undefined;
  if (client === undefined || mayTouch(`${client}:`, caller, others)) return undefined;
  return `the tasks of client ${client} are another client's: ${request.type} wants others: true`;
}
