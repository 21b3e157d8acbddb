/** Threads of one block of each kernel. */
export const THREADS = 256;
/** Rows and columns of C that one block of the integers' product computes. */
export const SIDE = 64;

/** The names of the kernels. */
export const KERNELS = [
  'multiply_int32',
  'widen_int8',
  'widen_uint8',
  'widen_int16',
  'widen_uint16',
  'widen_bfloat16',
  'narrow_bfloat16',
] as const;

const convert = (name: string, from: string, to: string, value: string): string => `
extern "C" __global__ void ${name}(const ${from}* from, ${to}* to, long long count) {
  long long i = (long long)blockIdx.x * ${THREADS} + threadIdx.x;
  if (i < count) to[i] = ${value};
}`;

const widen = (name: string, type: string): string => convert(`widen_${name}`, type, 'int', 'from[i]');

// To the nearest, ties to even: a carry reaches the exponent, and infinity. NaN stays NaN.
const ROUNDED = `(from[i] & 0x7fffffffu) > 0x7f800000u ? (from[i] >> 16 & 0x8000u) | 0x7fc0u
    : (from[i] + 0x7fffu + (from[i] >> 16 & 1u)) >> 16`;

/**
 * CUDA C++: the product of 32-bit integers, which cuBLAS does not have, and conversions: of small ones to int32, of the bits of bfloat16 to those of float32 and back. Sums wrap,
 * so that signed and unsigned integers have the same bits. A block computes 64×64 of C, a thread 4×4, 16 steps of K at a
 * time by way of shared memory (S. Boehm, "How to optimize a CUDA matmul kernel"). Flags: 1 transposes A, 2 transposes B.
 */
export const KERNEL_TEXT = `
#define SIDE ${SIDE}
#define DEPTH 16
extern "C" __global__ void multiply_int32(
    const unsigned* a, const unsigned* b, unsigned* c, int m, int k, int n, int flags) {
  __shared__ unsigned tileA[DEPTH][SIDE + 1];
  __shared__ unsigned tileB[DEPTH][SIDE + 1];
  unsigned columns = ((unsigned)n + SIDE - 1) / SIDE;
  int row0 = blockIdx.x / columns * SIDE, column0 = blockIdx.x % columns * SIDE;
  int thread = threadIdx.x, y = thread / 16, x = thread % 16;
  unsigned sums[4][4] = {};
  for (int step = 0; step < k; step += DEPTH) {
    for (int i = thread; i < SIDE * DEPTH; i += ${THREADS}) {
      int row = row0 + i / DEPTH, p = step + i % DEPTH;
      size_t at = flags & 1 ? (size_t)p * m + row : (size_t)row * k + p;
      tileA[i % DEPTH][i / DEPTH] = row < m && p < k ? a[at] : 0u;
    }
    for (int i = thread; i < SIDE * DEPTH; i += ${THREADS}) {
      int column = column0 + i % SIDE, p = step + i / SIDE;
      size_t at = flags & 2 ? (size_t)column * k + p : (size_t)p * n + column;
      tileB[i / SIDE][i % SIDE] = column < n && p < k ? b[at] : 0u;
    }
    __syncthreads();
    for (int p = 0; p < DEPTH; p++)
      for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) sums[i][j] += tileA[p][y + 16 * i] * tileB[p][x + 16 * j];
    __syncthreads();
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      int row = row0 + y + 16 * i, column = column0 + x + 16 * j;
      if (row < m && column < n) c[(size_t)row * n + column] = sums[i][j];
    }
}
${widen('int8', 'signed char')}
${widen('uint8', 'unsigned char')}
${widen('int16', 'short')}
${widen('uint16', 'unsigned short')}
${convert('widen_bfloat16', 'unsigned short', 'unsigned', '(unsigned)from[i] << 16')}
${convert('narrow_bfloat16', 'unsigned', 'unsigned short', ROUNDED)}
`;
