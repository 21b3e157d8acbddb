import { shown } from '../../util/checks.ts';
import type { Launcher, LaunchRequest, Placement, PlacementState } from '../launchers/launcher.ts';

const STATES: Readonly<Record<PlacementState, true>> = {
  queued: true,
  starting: true,
  running: true,
  unknown: true,
  ended: true,
};

/** Launchers of clusters that run. */
const inUse = new WeakSet<Launcher>();

/**
 * The launcher is that of one cluster, until it is released: the ids of engines are those of a cluster, and a second one would
 * end the engines of the first.
 * @throws TypeError where another cluster has it
 */
export function takeLauncher(launcher: Launcher | undefined): void {
  if (launcher === undefined) return;
  if (inUse.has(launcher))
    throw new TypeError(
      `a launcher serves one cluster, and that of this one (${launcher.kind}) runs: make another one`,
    );
  inUse.add(launcher);
}

/** Its cluster has ended. Idempotent. */
export function releaseLauncher(launcher: Launcher | undefined): void {
  if (launcher !== undefined) inUse.delete(launcher);
}

/** Asks a launcher for places, and checks what it gives. @throws what it throws; TypeError for anything but placements */
export async function placementsOf(
  launcher: Launcher,
  request: LaunchRequest,
  signal: AbortSignal,
): Promise<readonly Placement[]> {
  const given: unknown = await launcher.start(request, signal);
  const wants = `launcher '${launcher.kind}': start gives a list such as [{ slots: [0], state: 'queued' }]`;
  if (!Array.isArray(given)) throw new TypeError(`${wants}, not ${shown(given)}`);
  const wrong = given.findIndex((one) => !isPlacement(one));
  if (wrong >= 0) throw new TypeError(`${wants}, and number ${wrong} of this one is ${shown(given[wrong])}`);
  const told = new Set((given as Placement[]).flatMap(({ slots }) => slots));
  const untold = request.slots.filter((slot) => !told.has(slot));
  if (untold.length > 0)
    throw new TypeError(`launcher '${launcher.kind}': start says nothing of engines ${untold.join(', ')}`);
  return given as Placement[];
}

/** Checks what a launcher tells. @throws TypeError, to the launcher */
export function checkPlacement({ kind }: Launcher, told: Placement): Placement {
  if (isPlacement(told)) return told;
  throw new TypeError(`launcher '${kind}': a placement is { slots: [0], state: 'queued' }, not ${shown(told)}`);
}

function isPlacement(value: unknown): value is Placement {
  if (typeof value !== 'object' || value === null) return false;
  const { slots, state, why } = value as Readonly<Record<keyof Placement, unknown>>;
  const isWhy = why === undefined || typeof why === 'string';
  return Array.isArray(slots) && slots.every(Number.isInteger) && Object.hasOwn(STATES, String(state)) && isWhy;
}
