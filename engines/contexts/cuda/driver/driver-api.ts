import { ContextError } from '../../../../src/errors.ts';
import { type CArgument, type CFunction, NativeLibrary } from './native.ts';

const HANDLE = 'uint64_t';
const OUT = 'void *';

/**
 * The functions of the driver's library that are used here, by their names in it. Handles and device addresses are
 * 64-bit numbers to C; `void *` is memory of this process.
 */
const FUNCTIONS = {
  cuInit: ['uint'],
  cuDriverGetVersion: [OUT],
  cuDeviceGetCount: [OUT],
  cuDeviceGet: [OUT, 'int'],
  cuDeviceGetName: [OUT, 'int', 'int'],
  cuDeviceGetUuid: [OUT, 'int'],
  cuDeviceGetUuid_v2: [OUT, 'int'],
  cuDeviceTotalMem_v2: [OUT, 'int'],
  cuDeviceGetAttribute: [OUT, 'int', 'int'],
  cuDevicePrimaryCtxRetain: [OUT, 'int'],
  cuDevicePrimaryCtxRelease_v2: ['int'],
  cuCtxSetCurrent: [HANDLE],
  cuMemAlloc_v2: [OUT, 'size_t'],
  cuMemFree_v2: [HANDLE],
  cuMemHostAlloc: [OUT, 'size_t', 'uint'],
  cuMemFreeHost: [HANDLE],
  cuMemcpyHtoDAsync_v2: [HANDLE, HANDLE, 'size_t', HANDLE],
  cuMemcpyDtoHAsync_v2: [HANDLE, HANDLE, 'size_t', HANDLE],
  cuMemsetD8Async: [HANDLE, 'uint8_t', 'size_t', HANDLE],
  cuStreamCreate: [OUT, 'uint'],
  cuStreamDestroy_v2: [HANDLE],
  cuStreamQuery: [HANDLE],
  cuEventCreate: [OUT, 'uint'],
  cuEventRecord: [HANDLE, HANDLE],
  cuEventQuery: [HANDLE],
  cuEventElapsedTime: [OUT, HANDLE, HANDLE],
  cuEventDestroy_v2: [HANDLE],
  cuModuleLoadData: [OUT, 'void *'],
  cuModuleGetFunction: [OUT, HANDLE, 'const char *'],
  cuModuleUnload: [HANDLE],
  cuLaunchKernel: [HANDLE, 'uint', 'uint', 'uint', 'uint', 'uint', 'uint', 'uint', HANDLE, 'void *', 'void *'],
  cuGetErrorString: ['int', OUT],
} as const;

/** A function of the driver's library. */
export type DriverFunction = keyof typeof FUNCTIONS;

/** The statuses that are told apart. */
export const STATUS = { ok: 0, outOfMemory: 2, noDevice: 100, notReady: 600 } as const;

/** The driver's library, which answers each call with a status. */
export class DriverApi {
  readonly library: NativeLibrary;
  readonly #functions = new Map<DriverFunction, CFunction>();

  private constructor(library: NativeLibrary) {
    this.library = library;
  }

  /** @throws ContextError when the library does not load */
  static async open(path: string): Promise<DriverApi> {
    return new DriverApi(await NativeLibrary.open(path));
  }

  /** False for a function that only newer drivers have. */
  has(name: DriverFunction): boolean {
    try {
      this.#function(name);
      return true;
    } catch (error) {
      if (error instanceof ContextError) return false;
      throw error;
    }
  }

  /** The status of the call. @throws ContextError when the library does not have the function */
  call(name: DriverFunction, ...args: readonly CArgument[]): number {
    return this.#function(name)(...args);
  }

  #function(name: DriverFunction): CFunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const fn = this.library.declare(name, 'int', FUNCTIONS[name]);
    this.#functions.set(name, fn);
    return fn;
  }

  /** @throws ContextError in the driver's words, unless the status is "ok" */
  check(name: DriverFunction, ...args: readonly CArgument[]): void {
    const status = this.call(name, ...args);
    if (status !== STATUS.ok) throw new ContextError(`${name} failed: ${this.textOf(status)}`);
  }

  /** The driver's words for a status. */
  textOf(status: number): string {
    const at = new BigUint64Array(1);
    const known = this.call('cuGetErrorString', status, at) === STATUS.ok && at[0] !== 0n;
    if (!known) return `status ${status}`;
    return `${String(this.library.koffi.decode(at[0], 'char', -1))} (${status})`;
  }
}
