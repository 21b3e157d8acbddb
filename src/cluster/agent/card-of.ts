import type { JobEnvironment } from './job-environment.ts';

/** The card of one engine. */
export interface Card {
  /** Variables that leave the engine this card alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Its number among the host's cards, for libraries that do not read those variables; undefined where it has a name only. */
  readonly index: number | undefined;
}

/**
 * The card of engine `place` of an agent that has `perAgent` engines. Schedulers often let all processes of a host see the
 * same list: then the local rank decides. Where no list was granted, nothing is chosen.
 */
export function cardOf(
  { gpus, localRank }: Pick<JobEnvironment, 'gpus' | 'localRank'>,
  perAgent: number,
  place: number,
): Card {
  if (gpus === undefined || gpus.length === 0) return { env: {}, index: undefined };
  const name = gpus[(localRank * perAgent + place) % gpus.length] as string;
  return { env: { CUDA_VISIBLE_DEVICES: name }, index: /^\d+$/.test(name) ? Number(name) : undefined };
}
