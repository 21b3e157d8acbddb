import { ContextError } from '../../../../src/errors.ts';
import type { CardChoice } from '../../../../src/protocol/engine-options.ts';
import { type DriverApi, type DriverFunction, STATUS } from './driver-api.ts';
import type { CArgument } from './native.ts';

/** The facts of a card that a report has. */
export interface CardFacts {
  /** Its number to the driver, counted among the cards that CUDA_VISIBLE_DEVICES leaves. */
  readonly device: number;
  readonly name: string;
  /** As nvidia-smi writes it: `GPU-8a6f…`, or `MIG-…` for a part of a card. CUDA_VISIBLE_DEVICES takes it. */
  readonly uuid: string;
  readonly bytes: number;
  /** Compute capability, as `9.0`. */
  readonly capability: string;
  /** The version of CUDA that the driver has, as `13.0`. */
  readonly cuda: string;
}

const NAME_BYTES = 256;
const UUID_BYTES = 16;
/** CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and MINOR. */
const CAPABILITY = [75, 76] as const;

/**
 * The card of that number or name, or the first one. Numbers count those that CUDA_VISIBLE_DEVICES leaves: the driver itself
 * reads it, with numbers, UUIDs and parts of cards. The beginning of a UUID is enough.
 * @throws ContextError when there is no such card, or several begin so: lists those that there are
 */
export function chooseCard(api: DriverApi, choice: CardChoice = 0): CardFacts {
  if (typeof choice === 'string') showPart(choice);
  const status = api.call('cuInit', 0);
  // It says so where CUDA_VISIBLE_DEVICES leaves no card.
  if (status !== STATUS.ok && status !== STATUS.noDevice) {
    throw new ContextError(`CUDA does not start: ${api.textOf(status)}`);
  }
  const count = status === STATUS.ok ? intOf(api, 'cuDeviceGetCount') : 0;
  if (typeof choice === 'number' && choice < count) return factsOf(api, choice);
  const cards = Array.from({ length: count }, (_, i) => factsOf(api, i));
  const found = typeof choice === 'number' ? [] : cards.filter(({ uuid }, i) => isNamed(uuid, i, choice));
  if (found.length === 1) return found[0] as CardFacts;
  throw new ContextError(refusal(choice, cards, found.length > 1));
}

/** CUDA shows the part of a card (MIG) only to a process that names it before CUDA starts. A choice of the user's stays. */
function showPart(name: string): void {
  if (isPart(name)) process.env['CUDA_VISIBLE_DEVICES'] ??= name;
}

const isPart = (name: string): boolean => /^MIG-/i.test(name);

function isNamed(uuid: string, index: number, name: string): boolean {
  if (uuid.toLowerCase().startsWith(name.toLowerCase())) return true;
  // Older drivers write parts as MIG-GPU-…/1/0, and no UUID begins so. A process sees one part only.
  return isPart(name) && index === 0 && process.env['CUDA_VISIBLE_DEVICES']?.split(',')[0] === name;
}

function refusal(choice: CardChoice, cards: readonly CardFacts[], isAmbiguous: boolean): string {
  const list = cards.map(({ name, uuid }, i) => `${i}: ${name} (${uuid})`).join(', ');
  const there = cards.length === 0 ? 'there is none' : `there are ${list}`;
  const visible = process.env['CUDA_VISIBLE_DEVICES'];
  const limit = visible === undefined ? '' : `; CUDA_VISIBLE_DEVICES leaves these: ${visible || 'none'}`;
  if (isAmbiguous) return `several cards begin with ${choice}, write more of it: ${there}${limit}`;
  return `${typeof choice === 'number' ? `GPU ${choice}` : choice} does not exist: ${there}${limit}`;
}

function factsOf(api: DriverApi, index: number): CardFacts {
  const device = intOf(api, 'cuDeviceGet', index);
  const name = Buffer.alloc(NAME_BYTES);
  api.check('cuDeviceGetName', name, NAME_BYTES, device);
  const uuid = Buffer.alloc(UUID_BYTES);
  // The older function tells the card of a part.
  api.check(api.has('cuDeviceGetUuid_v2') ? 'cuDeviceGetUuid_v2' : 'cuDeviceGetUuid', uuid, device);
  const bytes = new BigUint64Array(1);
  api.check('cuDeviceTotalMem_v2', bytes, device);
  const version = intOf(api, 'cuDriverGetVersion');
  const text = name.toString('utf8', 0, name.indexOf(0));
  return {
    device,
    name: text,
    uuid: uuidText(/ MIG /.test(text) ? 'MIG' : 'GPU', uuid.toString('hex')),
    bytes: Number(bytes[0]),
    capability: CAPABILITY.map((attribute) => intOf(api, 'cuDeviceGetAttribute', attribute, device)).join('.'),
    cuda: `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`,
  };
}

const uuidText = (kind: 'GPU' | 'MIG', hex: string): string =>
  `${kind}-${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`;

function intOf(api: DriverApi, name: DriverFunction, ...args: readonly CArgument[]): number {
  const out = new Int32Array(1);
  api.check(name, out, ...args);
  return out[0] as number;
}
