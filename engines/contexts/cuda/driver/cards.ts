import { ContextError } from '../../../../src/errors.ts';
import { type DriverApi, type DriverFunction, STATUS } from './driver-api.ts';
import type { CArgument } from './native.ts';

/** The facts of a card that a report has. */
export interface CardFacts {
  /** Its number to the driver, counted among the cards that CUDA_VISIBLE_DEVICES leaves. */
  readonly device: number;
  readonly name: string;
  /** As nvidia-smi writes it: `GPU-8a6f…`. CUDA_VISIBLE_DEVICES takes it. */
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
 * The card of that index, or the first one. The driver itself honours CUDA_VISIBLE_DEVICES, by index and by UUID.
 * @throws ContextError when there is no such card: lists those that there are
 */
export function chooseCard(api: DriverApi, index = 0): CardFacts {
  const status = api.call('cuInit', 0);
  if (status !== STATUS.ok) throw new ContextError(`CUDA does not start: ${api.textOf(status)}`);
  const count = intOf(api, 'cuDeviceGetCount');
  if (index < count) return factsOf(api, index);
  const cards = Array.from({ length: count }, (_, i) => factsOf(api, i));
  const list = cards.map(({ name, uuid }, i) => `${i}: ${name} (${uuid})`).join(', ');
  throw new ContextError(`GPU ${index} does not exist: ${count === 0 ? 'there is none' : `there are ${list}`}`);
}

function factsOf(api: DriverApi, index: number): CardFacts {
  const device = intOf(api, 'cuDeviceGet', index);
  const name = Buffer.alloc(NAME_BYTES);
  api.check('cuDeviceGetName', name, NAME_BYTES, device);
  const uuid = Buffer.alloc(UUID_BYTES);
  api.check('cuDeviceGetUuid', uuid, device);
  const bytes = new BigUint64Array(1);
  api.check('cuDeviceTotalMem_v2', bytes, device);
  const version = intOf(api, 'cuDriverGetVersion');
  return {
    device,
    name: name.toString('utf8', 0, name.indexOf(0)),
    uuid: uuidText(uuid.toString('hex')),
    bytes: Number(bytes[0]),
    capability: CAPABILITY.map((attribute) => intOf(api, 'cuDeviceGetAttribute', attribute, device)).join('.'),
    cuda: `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`,
  };
}

const uuidText = (hex: string): string => `GPU-${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`;

function intOf(api: DriverApi, name: DriverFunction, ...args: readonly CArgument[]): number {
  const out = new Int32Array(1);
  api.check(name, out, ...args);
  return out[0] as number;
}
