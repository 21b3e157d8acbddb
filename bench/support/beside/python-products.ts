import { Peer } from '../peer.ts';

/** A library of Python that multiplies on one device. */
export interface PythonLibrary {
  /** `NumPy`, `PyTorch CPU` or `PyTorch GPU`. */
  readonly name: string;
  /** Its version; for NumPy with its BLAS, for a card with its name. */
  readonly adapter: string;
  readonly dtypes: readonly string[];
  /** Multiplies random matrices, and compares some entries. @throws Error with Python's words */
  measure(shape: readonly [m: number, k: number, n: number], dtype: string): Promise<PythonProduct>;
}

/** One measured product. */
export interface PythonProduct {
  /** Operands on the device. On a card by its events. */
  readonly residentMs: number;
  /** From host memory to host memory. */
  readonly wholeMs: number;
  /** Where entries are wrong: the fault in words. */
  readonly fault: string | undefined;
}

/** The libraries that were found. */
export interface PythonLibraries {
  readonly libraries: readonly PythonLibrary[];
  /** `name: reason` of those that were not. */
  readonly skipped: readonly string[];
  close(): Promise<void>;
}

interface Config {
  readonly version: string;
  readonly devices: readonly ('cpu' | 'cuda')[];
  readonly name?: string;
}

interface Answer {
  readonly ms: number;
  readonly wholeMs: number;
  readonly error: number;
}

/** The relative error of sums that is still right (bench/checkup/measure/torch.ts). */
const BOUNDS: Readonly<Record<string, number>> = { float32: 1e-5, float64: 1e-13, float16: 2e-3, bfloat16: 1e-2 };
const PEERS = [
  { name: 'NumPy', script: 'numpy_gemm.py', module: 'numpy', dtypes: ['float32', 'float64'] },
  { name: 'PyTorch', script: 'torch_gemm.py', module: 'torch', dtypes: ['float32', 'float64', 'float16', 'bfloat16'] },
] as const;

/** Starts the libraries of Python whose names are wanted, each once for all products. */
export async function openPython(isWanted: (name: string) => boolean): Promise<PythonLibraries> {
  const libraries: PythonLibrary[] = [];
  const skipped: string[] = [];
  const peers: Peer[] = [];
  for (const { name, script, module, dtypes } of PEERS.filter((peer) => isWanted(peer.name))) {
    try {
      const peer = await Peer.start({ script, modules: [module] });
      peers.push(peer);
      const config = await peer.ask<Config>({ do: 'config' });
      for (const device of config.devices) libraries.push(libraryOf(peer, { name, dtypes }, config, device));
    } catch (error) {
      skipped.push(`${name}: ${(error as Error).message}`);
    }
  }
  const close = async () => {
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  };
  return { libraries, skipped, close };
}

function libraryOf(
  peer: Peer,
  { name, dtypes }: Pick<(typeof PEERS)[number], 'name' | 'dtypes'>,
  { version, name: card }: Config,
  device: 'cpu' | 'cuda',
): PythonLibrary {
  const where = name === 'NumPy' ? '' : device === 'cuda' ? ' GPU' : ' CPU';
  return {
    name: `${name}${where}`,
    adapter: device === 'cuda' ? `${version}, ${card}` : version,
    dtypes,
    measure: async (shape, dtype) => {
      const answer = await peer.ask<Answer>({ do: 'gemm', dtype, shape, device, whole: true });
      const isRight = answer.error <= (BOUNDS[dtype] as number);
      const fault = isRight ? undefined : `the relative error is ${answer.error}`;
      return { residentMs: answer.ms, wholeMs: answer.wholeMs, fault };
    },
  };
}
