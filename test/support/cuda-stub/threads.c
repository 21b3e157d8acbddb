// Runs the text of CUDA kernels, which is included in the middle, on one core: each thread of a block is a fibre, and a
// barrier hands over to the next one. So barriers and indices of the real text are tried.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#define __global__ __attribute__((visibility("default")))
#define __shared__ static
#define THREADS 256
#define STACK 16384

static struct { unsigned x, y, z; } blockIdx, threadIdx;
static ucontext_t fibres[THREADS], back;
static char *stacks;
static int alive[THREADS], self;

static void __syncthreads(void) { swapcontext(&fibres[self], &back); }

#include "kernels.inc"

struct launch { void (*kernel)(); uint64_t pointers[3]; int64_t sizes[4]; int blocks; int isProduct; int narrows; };
static struct launch *now;

static void body(void) {
  struct launch *l = now;
  if (l->isProduct)
    ((void (*)(uint64_t, uint64_t, uint64_t, int, int, int, int))l->kernel)(l->pointers[0], l->pointers[1], l->pointers[2],
      (int)l->sizes[0], (int)l->sizes[1], (int)l->sizes[2], (int)l->sizes[3]);
  else ((void (*)(uint64_t, uint64_t, int64_t))l->kernel)(l->pointers[0], l->pointers[1], l->sizes[0]);
  alive[self] = 0;
}

static void run(struct launch *l) {
  now = l;
  if (stacks == NULL) stacks = malloc(THREADS * STACK);
  for (unsigned block = 0; block < (unsigned)l->blocks; block++) {
    blockIdx.x = block;
    for (int t = 0; t < THREADS; t++) {
      getcontext(&fibres[t]);
      fibres[t].uc_stack.ss_sp = stacks + t * STACK;
      fibres[t].uc_stack.ss_size = STACK;
      fibres[t].uc_link = &back;
      makecontext(&fibres[t], body, 0);
      alive[t] = 1;
    }
    for (int left = THREADS; left > 0;) {
      left = 0;
      for (int t = 0; t < THREADS; t++) if (alive[t]) {
        self = t;
        threadIdx.x = t;
        swapcontext(&back, &fibres[t]);
        left += alive[t];
      }
    }
  }
}

__global__ void stub_product(struct launch *l) { run(l); }

/* No barriers: one thread after the other. */
__global__ void stub_widen(struct launch *l) {
  for (unsigned block = 0; block < (unsigned)l->blocks; block++) for (unsigned t = 0; t < THREADS; t++) {
    blockIdx.x = block;
    threadIdx.x = t;
    ((void (*)(uint64_t, uint64_t, int64_t))l->kernel)(l->pointers[0], l->pointers[1], l->sizes[0]);
  }
}
