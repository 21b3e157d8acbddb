import { ContextError } from '../../../src/errors.ts';
import type { CudaDevice } from './device.ts';
import { type CArgument, type CFunction, NativeLibrary, outHandle } from './driver/native.ts';

const PROGRAM = 'uint64_t';
/** CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the compiler is newer than the driver. */
const PTX_TOO_NEW = 222;

/** Compiles CUDA C++ for the card of this process with NVRTC: no compiler is installed, and no file is written. */
export class Compiler {
  readonly #library: NativeLibrary;
  readonly #device: CudaDevice;
  readonly #modules: bigint[] = [];

  private constructor(library: NativeLibrary, device: CudaDevice) {
    this.#library = library;
    this.#device = device;
  }

  /** @throws ContextError when the library does not load */
  static async open(path: string, device: CudaDevice): Promise<Compiler> {
    return new Compiler(await NativeLibrary.open(path, ['libnvrtc-builtins']), device);
  }

  /** The kernels of a text by their names. @throws ContextError with the compiler's words */
  kernels<Name extends string>(text: string, names: readonly Name[]): Record<Name, bigint> {
    const module = this.#loaded(text);
    this.#modules.push(module);
    const entries = names.map((name) => {
      const kernel = outHandle();
      this.#device.stream.check('cuModuleGetFunction', kernel, module, name);
      return [name, kernel[0] as bigint];
    });
    return Object.fromEntries(entries) as Record<Name, bigint>;
  }

  close(): void {
    for (const module of this.#modules.splice(0)) this.#device.stream.api.call('cuModuleUnload', module);
  }

  /**
   * PTX, which the driver compiles for its card: a compiler older than the card will do. A driver older than the compiler, as
   * where Python's packages are newer, refuses it, and takes code of the card itself.
   */
  #loaded(text: string): bigint {
    const module = outHandle();
    const { api } = this.#device.stream;
    const status = api.call('cuModuleLoadData', module, this.#compiled(text, 'nvrtcGetPTX', []));
    if (status === 0) return module[0] as bigint;
    if (status !== PTX_TOO_NEW) throw this.#device.stream.failed('cuModuleLoadData', status);
    const architecture = `--gpu-architecture=sm_${this.#device.card.capability.replace('.', '')}`;
    this.#device.stream.check('cuModuleLoadData', module, this.#compiled(text, 'nvrtcGetCUBIN', [architecture]));
    return module[0] as bigint;
  }

  #compiled(text: string, output: 'nvrtcGetPTX' | 'nvrtcGetCUBIN', options: readonly string[]): Uint8Array {
    const program = outHandle();
    const create = ['void *', 'const char *', 'const char *', 'int', 'void *', 'void *'];
    this.#check('nvrtcCreateProgram', create, program, text, 'directview.cu', 0, null, null);
    const handle = program[0] as bigint;
    try {
      const texts = options.map((option) => Buffer.from(`${option}\0`));
      const pointers = BigUint64Array.from(texts, (bytes) => this.#library.koffi.address(bytes));
      const compile = [PROGRAM, 'int', 'void *'];
      const status = this.#call(
        'nvrtcCompileProgram',
        compile,
        handle,
        texts.length,
        texts.length > 0 ? pointers : null,
      );
      if (status !== 0) throw new ContextError(`NVRTC does not compile the kernels: ${this.#log(handle)}`);
      return this.#text(output, handle);
    } finally {
      this.#call('nvrtcDestroyProgram', ['void *'], program);
    }
  }

  #log(program: bigint): string {
    const bytes = this.#text('nvrtcGetProgramLog', program);
    return Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '').trim();
  }

  #text(name: string, program: bigint): Uint8Array {
    const size = new BigUint64Array(1);
    this.#check(`${name}Size`, [PROGRAM, 'void *'], program, size);
    const bytes = new Uint8Array(Number(size[0]));
    this.#check(name, [PROGRAM, 'void *'], program, bytes);
    return bytes;
  }

  #call(name: string, parameters: readonly string[], ...args: CArgument[]): number {
    const fn: CFunction = this.#library.declare(name, 'int', parameters);
    return fn(...args);
  }

  #check(name: string, parameters: readonly string[], ...args: CArgument[]): void {
    const status = this.#call(name, parameters, ...args);
    if (status !== 0) throw new ContextError(`${name} failed with status ${status} in ${this.#library.path}`);
  }
}
