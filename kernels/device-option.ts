import type { TFLike } from '../src/tensor/convert.ts';

/** Option of the functions that compute on a device. */
export interface DeviceOption {
  /** tfjs to compute with. Default: that of the engine which the function runs on. */
  readonly tf?: TFLike | undefined;
}
