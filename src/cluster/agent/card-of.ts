import type { CardChoice } from '../../protocol/engine-options.ts';
import { countGpus } from '../launchers/graphics-cards.ts';
import type { JobEnvironment } from './job-environment.ts';

/** The card of one engine. */
export interface Card {
  /** Variables that leave the engine this card alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Its number among the host's cards, for libraries that do not read those variables; undefined where it has a name only. */
  readonly index: number | undefined;
  /** The name, or its beginning, by which it was asked for. */
  readonly name?: string | undefined;
}

/** The facts that decide about cards. */
export interface CardPlaces extends Pick<JobEnvironment, 'gpus' | 'localRank'> {
  /** The place of the agent's first engine among those of its host; default: by the local rank. */
  readonly firstPlace?: number | undefined;
  /** The card that was asked for. */
  readonly chosen?: CardChoice | undefined;
}

/**
 * The card of engine `place` of an agent that has `perAgent` engines. Schedulers often let all processes of a host see the
 * same list: then the local rank decides. ssh and MPI grant no list: then the engines of a host take its `count` cards in turn.
 */
export function cardOf(
  { gpus, localRank, firstPlace, chosen }: CardPlaces,
  perAgent: number,
  place: number,
  count = countGpus(),
): Card {
  // The engine chooses among all cards that its agent was granted.
  if (typeof chosen === 'string') return chosenCard(chosen);
  const nth = (firstPlace ?? localRank * perAgent) + place;
  if (gpus === undefined) return { env: {}, index: count > 1 ? nth % count : undefined };
  const name = gpus[nth % gpus.length];
  if (name === undefined) return { env: {}, index: undefined };
  return { env: { CUDA_VISIBLE_DEVICES: name }, index: /^\d+$/.test(name) ? Number(name) : undefined };
}

/** The card that was asked for, by its number or its name; undefined: any. */
export function chosenCard(choice: CardChoice | undefined): Card {
  const name = typeof choice === 'string' ? choice : undefined;
  return { env: {}, index: typeof choice === 'number' ? choice : undefined, name };
}

/** Names a card among all cards: `GPU-…` or `MIG-…`. Undefined where neither its variables nor `uuids`, by number, tell. */
export function cardId(
  { env: { CUDA_VISIBLE_DEVICES: name }, index, name: chosen }: Card,
  uuids: readonly string[],
): string | undefined {
  if (chosen !== undefined) return uuids.find((uuid) => uuid.toLowerCase().startsWith(chosen.toLowerCase())) ?? chosen;
  if (name !== undefined && /^(GPU|MIG)-/.test(name)) return name;
  if (index !== undefined) return uuids[index];
  return name === undefined && uuids.length === 1 ? uuids[0] : undefined;
}
