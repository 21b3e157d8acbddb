import type { Body } from '../../src/protocol/codec.ts';
import type { LinkCosts } from '../peers/link-costs.ts';

/**
 * One collective of some engines, as one of them sees it: ranks 0 to size - 1 send each other bodies, step by step. Steps
 * are names that both ends agree on.
 */
export interface Group {
  readonly rank: number;
  readonly size: number;
  /** The same on all ranks; absent: the usual ones. */
  readonly links?: LinkCosts | undefined;
  /** Are all ranks on one machine, so that they read large values in each other's memory? All ranks say the same. Absent: no. */
  isOneMachine?(): boolean;
  /** Resolves when the body may change again. */
  post(to: number, step: string, body: Body): Promise<void>;
  /** @throws PeerError that names who waited for whom */
  take(from: number, step: string): Promise<Body>;
  /** Sends a large body from rank `root` to all others, in chunks from neighbour to neighbour. Resolves when it has left. */
  pipe(root: number, body: Body): Promise<void>;
  /** The body that `root` pipes. */
  piped(root: number): Promise<Body>;
  encode(value: unknown): Body;
  decode(body: Body): unknown;
}
