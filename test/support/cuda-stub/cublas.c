// A stand-in for libcublas: it checks arguments as the library does, and multiplies when the stream runs.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
enum { OK = 0, NOT_INITIALISED = 1, INVALID_VALUE = 7, ARCH_MISMATCH = 8, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_64F = 1, R_16F = 2, R_8I = 3, R_32I = 10, R_16BF = 14 };

extern void *stub_host(uint64_t address, uint64_t bytes);
extern void stub_enqueue(void (*run)(void *), void *data);
extern void stub_handle(int change);
extern void stub_complain(const char *text);
static int live, math;
static uint64_t stream;

static float widen(uint16_t h) {
  int sign = h >> 15, exponent = h >> 10 & 31, fraction = h & 1023;
  float value = exponent == 31 ? (fraction ? NAN : INFINITY)
    : exponent == 0 ? ldexpf(fraction, -24) : ldexpf(1024 + fraction, exponent - 25);
  return sign ? -value : value;
}

static uint16_t narrow(float value) {
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  double size = fabs(value);
  if (isnan(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < ldexp(1, -14)) return sign | (uint16_t)nearbyint(ldexp(size, 24));
  int exponent;
  double fraction = frexp(size, &exponent);
  int bits = (int)nearbyint(ldexp(fraction, 11));
  return sign | (uint16_t)(((exponent + 13) << 10) + bits - 0);
}

static float widen_bf(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static uint16_t narrow_bf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if (isnan(value)) return (bits >> 16 & 0x8000) | 0x7fc0;
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static int size_of(int type) { return type == R_64F ? 8 : type == R_16F || type == R_16BF ? 2 : type == R_8I ? 1 : 4; }

static double at(const void *memory, int type, int64_t i) {
  switch (type) {
    case R_64F: return ((const double *)memory)[i];
    case R_16F: return widen(((const uint16_t *)memory)[i]);
    case R_16BF: return widen_bf(((const uint16_t *)memory)[i]);
    case R_8I: return ((const int8_t *)memory)[i];
    default: return ((const float *)memory)[i];
  }
}

struct gemm { int ta, tb, m, n, k, lda, ldb, ldc, of, to; uint64_t a, b, c; };

/* Column-major, as cuBLAS. */
static void run(void *data) {
  struct gemm *g = data;
  int64_t sa = (int64_t)g->lda * (g->ta ? g->m : g->k), sb = (int64_t)g->ldb * (g->tb ? g->k : g->n);
  void *a = stub_host(g->a, sa * size_of(g->of)), *b = stub_host(g->b, sb * size_of(g->of));
  void *c = stub_host(g->c, (int64_t)g->ldc * g->n * size_of(g->to));
  if (a == NULL || b == NULL || c == NULL) return;
  for (int j = 0; j < g->n; j++) for (int i = 0; i < g->m; i++) {
    double sum = getenv("STUB_WRONG") != NULL ? 1 : 0;
    for (int p = 0; p < g->k; p++)
      sum += at(a, g->of, g->ta ? (int64_t)i * g->lda + p : (int64_t)p * g->lda + i)
           * at(b, g->of, g->tb ? (int64_t)p * g->ldb + j : (int64_t)j * g->ldb + p);
    int64_t place = (int64_t)j * g->ldc + i;
    if (g->to == R_64F) ((double *)c)[place] = sum;
    else if (g->to == R_16F) ((uint16_t *)c)[place] = narrow((float)sum);
    else if (g->to == R_16BF) ((uint16_t *)c)[place] = narrow_bf((float)sum);
    else if (g->to == R_32I) ((int32_t *)c)[place] = (int32_t)(int64_t)sum;
    else ((float *)c)[place] = (float)sum;
  }
}

static int submit(uint64_t handle, struct gemm g) {
  if (handle != 77 || !live || stream == 0) return NOT_INITIALISED;
  if (g.m < 0 || g.n < 0 || g.k < 0) return INVALID_VALUE;
  if (g.lda < (g.ta ? g.k : g.m) || g.ldb < (g.tb ? g.n : g.k) || g.ldc < g.m) return INVALID_VALUE;
  struct gemm *copy = malloc(sizeof *copy);
  *copy = g;
  stub_enqueue(run, copy);
  return OK;
}

API int cublasCreate_v2(uint64_t *out) { live = 1; *out = 77; stub_handle(1); return OK; }
API int cublasDestroy_v2(uint64_t handle) { (void)handle; live = 0; stub_handle(-1); return OK; }
API int cublasSetStream_v2(uint64_t handle, uint64_t to) { (void)handle; stream = to; return OK; }
API int cublasSetMathMode(uint64_t handle, int mode) { (void)handle; math = mode; return OK; }
API int stub_math(void) { return math; }
API int cublasGetVersion_v2(uint64_t handle, int *out) { (void)handle; *out = 120400; return OK; }
API const char *cublasGetStatusString(int status) { return status == INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_OTHER"; }

API int cublasSgemm_v2(uint64_t handle, int ta, int tb, int m, int n, int k, const float *alpha, uint64_t a, int lda,
                       uint64_t b, int ldb, const float *beta, uint64_t c, int ldc) {
  if (*alpha != 1 || *beta != 0) return INVALID_VALUE;
  return submit(handle, (struct gemm){ta, tb, m, n, k, lda, ldb, ldc, R_32F, R_32F, a, b, c});
}

API int cublasDgemm_v2(uint64_t handle, int ta, int tb, int m, int n, int k, const double *alpha, uint64_t a, int lda,
                       uint64_t b, int ldb, const double *beta, uint64_t c, int ldc) {
  if (*alpha != 1 || *beta != 0) return INVALID_VALUE;
  return submit(handle, (struct gemm){ta, tb, m, n, k, lda, ldb, ldc, R_64F, R_64F, a, b, c});
}

API int cublasGemmEx(uint64_t handle, int ta, int tb, int m, int n, int k, const void *alpha, uint64_t a, int ofA, int lda,
                     uint64_t b, int ofB, int ldb, const void *beta, uint64_t c, int to, int ldc, int compute, int algorithm) {
  if (ofA != ofB || algorithm != -1) return INVALID_VALUE;
  if (ofA == R_8I) {
    if (compute != 72 || to != R_32I || *(const int *)alpha != 1 || *(const int *)beta != 0) return NOT_SUPPORTED;
    if (lda % 4 != 0 || ldb % 4 != 0 || getenv("STUB_NO_INT8") != NULL) return NOT_SUPPORTED;
  } else if ((ofA != R_16F && ofA != R_16BF) || compute != 68 || to != ofA || *(const float *)alpha != 1 || *(const float *)beta != 0)
    return NOT_SUPPORTED;
  if (ofA != R_8I && (math & 16) == 0) stub_complain("parts of sums of halves may be added in halves");
  if (ofA == R_16BF && getenv("STUB_NO_BFLOAT16") != NULL) return ARCH_MISMATCH;
  return submit(handle, (struct gemm){ta, tb, m, n, k, lda, ldb, ldc, ofA, to, a, b, c});
}
