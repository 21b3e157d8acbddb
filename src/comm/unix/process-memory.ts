import { systemCalls } from '../../util/system/system-library.ts';

/** Reads the memory of processes of this user, also of this one. */
export interface ProcessMemory {
  /** The address of bytes of this process. It holds as long as somebody refers to them. */
  address(bytes: Uint8Array): bigint;
  /** Copies from one process: each piece has its address there, and its place here. False unless all of it came. */
  read(pid: number, pieces: readonly Piece[]): boolean;
}

/** A piece of another process's memory, and where it goes. */
export interface Piece {
  readonly from: bigint;
  readonly to: Uint8Array;
}

type ReadCall = (pid: number, to: BigUint64Array, n: number, from: BigUint64Array, m: number, flags: number) => number;

/** Undefined where the system has no such call, or koffi is not installed. */
export const processMemory: () => ProcessMemory | undefined = systemCalls(
  ({ koffi, call }) =>
    new SystemMemory(
      (bytes) => koffi.address(bytes),
      call<ReadCall>('long process_vm_readv(int pid, void *to, ulong n, void *from, ulong m, ulong flags)'),
    ),
);

/** By process_vm_readv(2), as MPI does it: one copy, without a buffer between. */
class SystemMemory implements ProcessMemory {
  readonly address: ProcessMemory['address'];
  readonly #call: ReadCall;

  constructor(address: ProcessMemory['address'], call: ReadCall) {
    this.address = address;
    this.#call = call;
  }

  read(pid: number, pieces: readonly Piece[]): boolean {
    const to = this.#vectors(pieces.map((piece) => [this.address(piece.to), piece.to.byteLength]));
    const from = this.#vectors(pieces.map((piece) => [piece.from, piece.to.byteLength]));
    const bytes = pieces.reduce((sum, piece) => sum + piece.to.byteLength, 0);
    return this.#call(pid, to, pieces.length, from, pieces.length, 0) === bytes;
  }

  /** As the system wants them: an address and a length for each piece. */
  #vectors(pieces: readonly (readonly [address: bigint, bytes: number])[]): BigUint64Array {
    return BigUint64Array.from(pieces.flatMap(([address, bytes]) => [address, BigInt(bytes)]));
  }
}
