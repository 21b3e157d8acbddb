// A stand-in for libcuda.so.1: device memory is host memory behind addresses that nobody else can use, and a stream runs
// nothing before it was asked some times. So work that is still under way, and memory that goes too early, show.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
#define MANY 4096
#define POLLS 3
enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500,
       NOT_READY = 600, ILLEGAL_ADDRESS = 700 };
/* Device addresses have this bit, and are no addresses of this process. */
#define DEVICE ((uint64_t)1 << 62)

static struct { uint64_t at, bytes; int pinned; } memory[MANY];
static struct { void (*run)(void *); void *data; } queue[MANY];
static int queued, polls, failed, current, contexts, streams, modules, handles, events, initialised;
static struct { char name[64]; int status, after, times; } faults[8];
static char misuse[4096], order[65536];
static uint64_t peak, total, source;

static void complain(const char *text) { strncat(misuse, text, sizeof misuse - strlen(misuse) - 2); strcat(misuse, "\n"); }

API void stub_complain(const char *text) { complain(text); }

static int fault_of(const char *name) {
  if (strlen(order) + strlen(name) + 2 < sizeof order) { strcat(order, name); strcat(order, " "); }
  for (int i = 0; i < 8; i++) {
    if (strcmp(faults[i].name, name) != 0) continue;
    if (faults[i].after-- > 0) return OK;
    if (faults[i].times-- == 1) faults[i].name[0] = 0;
    return faults[i].status;
  }
  return OK;
}

#define ENTER { int status = fault_of(__func__); if (status != OK) return status; if (!initialised) return 3; }
#define IN_CONTEXT { ENTER if (!current) return INVALID_CONTEXT; if (failed) return failed; }

API void stub_fault(const char *name, int status, int after, int times) {
  for (int i = 0; i < 8; i++) if (faults[i].name[0] == 0) {
    strncpy(faults[i].name, name, 63); faults[i].status = status; faults[i].after = after; faults[i].times = times;
    return;
  }
}

/* STUB_FAULTS: the same from outside, as name:status:after:times with blanks between them; STUB_CUDA: the driver's version. */
__attribute__((constructor)) static void faults_of_environment(void) {
  char copy[1024], name[64], *rest = copy, *entry;
  int status, after, times;
  snprintf(copy, sizeof copy, "%s", getenv("STUB_FAULTS") == NULL ? "" : getenv("STUB_FAULTS"));
  while ((entry = strsep(&rest, " ")) != NULL)
    if (sscanf(entry, "%63[^:]:%d:%d:%d", name, &status, &after, &times) == 4) stub_fault(name, status, after, times);
}

API const char *stub_misuse(void) { return misuse; }
API const char *stub_order(void) { return order; }
API void stub_reset(void) { misuse[0] = order[0] = 0; failed = 0; memset(faults, 0, sizeof faults); peak = total; }
API void stub_handle(int change) { handles += change; }

API int64_t stub_count(const char *what) {
  int64_t count = 0;
  if (!strcmp(what, "streams")) return streams;
  if (!strcmp(what, "events")) return events;
  if (!strcmp(what, "modules")) return modules;
  if (!strcmp(what, "contexts")) return contexts;
  if (!strcmp(what, "handles")) return handles;
  if (!strcmp(what, "queued")) return queued;
  if (!strcmp(what, "source")) return source;
  for (int i = 0; i < MANY; i++) if (memory[i].at != 0 && memory[i].pinned == !strcmp(what, "pinned")) count++;
  return count;
}

/* Where a device address lies in this process; NULL and a broken stream where it is not allocated so far. */
API void *stub_host(uint64_t address, uint64_t bytes) {
  for (int i = 0; i < MANY; i++) {
    if (memory[i].at == 0 || memory[i].pinned) continue;
    uint64_t begin = memory[i].at | DEVICE;
    if (address >= begin && address + bytes <= begin + memory[i].bytes) return (void *)(address & ~DEVICE);
  }
  failed = ILLEGAL_ADDRESS;
  return NULL;
}

static int is_pinned(uint64_t address, uint64_t bytes) {
  for (int i = 0; i < MANY; i++)
    if (memory[i].pinned && address >= memory[i].at && address + bytes <= memory[i].at + memory[i].bytes) return 1;
  return 0;
}

API void stub_enqueue(void (*run)(void *), void *data) { queue[queued].run = run; queue[queued++].data = data; }

static void drain(void) {
  for (int i = 0; i < queued; i++) { if (!failed) queue[i].run(queue[i].data); free(queue[i].data); }
  queued = polls = 0;
}

static void look(void);
static int cards(void);

API int cuInit(unsigned flags) {
  int status = fault_of(__func__);
  if (status != OK || flags != 0) return status != OK ? status : INVALID_VALUE;
  initialised = 1;
  look();
  return cards() == 0 ? NO_DEVICE : OK;
}

static int all_cards(void) { const char *text = getenv("STUB_CARDS"); return text == NULL ? 1 : atoi(text); }

/* Cards have their numbers, parts of cards (MIG) begin here. */
#define PART 64
static int visible[16], shown;

static void uuid_of(unsigned char *out, int device) { for (int i = 0; i < 16; i++) out[i] = i + (device >= PART ? 0xa0 : device); }

static void uuid_text(char *out, int device) {
  unsigned char bytes[16];
  uuid_of(bytes, device);
  out += sprintf(out, device >= PART ? "MIG-" : "GPU-");
  for (int i = 0; i < 16; i++) out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

/* CUDA_VISIBLE_DEVICES, as the driver reads it: numbers, or beginnings of UUIDs; it ends at the first that is none. */
static void look(void) {
  const char *list = getenv("CUDA_VISIBLE_DEVICES");
  char copy[1024], text[64], *rest = copy, *entry;
  shown = 0;
  if (list == NULL) { while (shown < all_cards()) { visible[shown] = shown; shown++; } return; }
  snprintf(copy, sizeof copy, "%s", list);
  while ((entry = strsep(&rest, ",")) != NULL) {
    int found = -1;
    if (entry[0] >= '0' && entry[0] <= '9') found = atoi(entry) < all_cards() ? atoi(entry) : -1;
    else if (getenv("STUB_MIG") != NULL && !strcmp(entry, getenv("STUB_MIG"))) found = PART;
    else if (!strncmp(entry, "GPU-", 4)) for (int i = 0; i < all_cards(); i++) {
      uuid_text(text, i);
      if (!strncmp(text, entry, strlen(entry))) { found = i; break; }
    }
    if (found < 0) return;
    visible[shown++] = found;
  }
}

static int cards(void) { return shown; }

API int cuDriverGetVersion(int *out) {
  ENTER
  *out = getenv("STUB_CUDA") == NULL ? 12040 : atoi(getenv("STUB_CUDA"));
  return OK;
}
API int cuDeviceGetCount(int *out) { ENTER *out = cards(); return OK; }
API int cuDeviceGet(int *out, int index) { ENTER if (index >= cards()) return 101; *out = visible[index]; return OK; }
API int cuDeviceGetName(char *out, int bytes, int device) { ENTER snprintf(out, bytes, device >= PART ? "Stub card MIG 1g.10gb" : "Stub card %d", device); return OK; }
/* The older function tells the card of a part. */
API int cuDeviceGetUuid(unsigned char *out, int device) { ENTER uuid_of(out, device >= PART ? 0 : device); return OK; }
API int cuDeviceGetUuid_v2(unsigned char *out, int device) { ENTER uuid_of(out, device); return OK; }
API int cuDeviceTotalMem_v2(uint64_t *out, int device) { ENTER (void)device; *out = (uint64_t)1 << 30; return OK; }
API int cuDeviceGetAttribute(int *out, int attribute, int device) { ENTER (void)device; *out = attribute == 75 ? 9 : 0; return OK; }
API int cuDevicePrimaryCtxRetain(uint64_t *out, int device) { ENTER contexts++; *out = 100 + device; return OK; }
API int cuDevicePrimaryCtxRelease_v2(int device) { ENTER (void)device; contexts--; current = 0; return OK; }
API int cuCtxSetCurrent(uint64_t context) { ENTER current = context != 0; return OK; }

static int reserve(uint64_t *out, uint64_t bytes, int pinned) {
  if (bytes == 0) return INVALID_VALUE;
  if (!pinned && total + bytes > (uint64_t)1 << 30) return OUT_OF_MEMORY;
  for (int i = 0; i < MANY; i++) if (memory[i].at == 0) {
    void *at;
    if (posix_memalign(&at, 4096, bytes) != 0) return OUT_OF_MEMORY;
    memset(at, 0xAB, bytes);
    memory[i].at = (uint64_t)at; memory[i].bytes = bytes; memory[i].pinned = pinned;
    if (!pinned) total += bytes;
    *out = pinned ? (uint64_t)at : (uint64_t)at | DEVICE;
    return OK;
  }
  return OUT_OF_MEMORY;
}

static int release(uint64_t at, int pinned) {
  for (int i = 0; i < MANY; i++) if (memory[i].at == at && memory[i].pinned == pinned) {
    if (!pinned) total -= memory[i].bytes;
    memory[i].at = 0;
    free((void *)at);
    return OK;
  }
  complain("free of what is not allocated");
  return INVALID_VALUE;
}

/* STUB_LARGEST: the card has no room for more bytes at once. */
API int cuMemAlloc_v2(uint64_t *out, uint64_t bytes) {
  IN_CONTEXT
  const char *largest = getenv("STUB_LARGEST");
  return largest != NULL && bytes > (uint64_t)atoll(largest) ? OUT_OF_MEMORY : reserve(out, bytes, 0);
}
API int cuMemFree_v2(uint64_t at) { ENTER drain(); return release(at & ~DEVICE, 0); }
API int cuMemHostAlloc(uint64_t *out, uint64_t bytes, unsigned flags) { IN_CONTEXT (void)flags; return reserve(out, bytes, 1); }
API int cuMemFreeHost(uint64_t at) {
  ENTER
  if (queued > 0 && !failed) complain("cuMemFreeHost while work is under way");
  return release(at, 1);
}

struct copy { uint64_t to, from, bytes; int up; };

static void run_copy(void *data) {
  struct copy *c = data;
  void *device = stub_host(c->up ? c->to : c->from, c->bytes);
  if (device == NULL) return;
  if (c->up) memcpy(device, (void *)c->from, c->bytes); else memcpy((void *)c->to, device, c->bytes);
}

static int copy(uint64_t to, uint64_t from, uint64_t bytes, uint64_t stream, int up) {
  if (stream == 0) complain("a copy on the default stream");
  if (!is_pinned(up ? from : to, bytes)) complain("a copy from or to memory that is not pinned");
  if (up) source = from;
  struct copy *c = malloc(sizeof *c);
  *c = (struct copy){to, from, bytes, up};
  stub_enqueue(run_copy, c);
  return OK;
}

API int cuMemcpyHtoDAsync_v2(uint64_t to, uint64_t from, uint64_t bytes, uint64_t stream) { IN_CONTEXT return copy(to, from, bytes, stream, 1); }
API int cuMemcpyDtoHAsync_v2(uint64_t to, uint64_t from, uint64_t bytes, uint64_t stream) { IN_CONTEXT return copy(to, from, bytes, stream, 0); }

static void run_set(void *data) {
  struct copy *c = data;
  void *at = stub_host(c->to, c->bytes);
  if (at != NULL) memset(at, (int)c->from, c->bytes);
}

API int cuMemsetD8Async(uint64_t to, unsigned char value, uint64_t bytes, uint64_t stream) {
  IN_CONTEXT
  (void)stream;
  struct copy *c = malloc(sizeof *c);
  *c = (struct copy){to, value, bytes, 0};
  stub_enqueue(run_set, c);
  return OK;
}

API int cuStreamCreate(uint64_t *out, unsigned flags) { IN_CONTEXT (void)flags; *out = 200 + ++streams; return OK; }
API int cuStreamDestroy_v2(uint64_t stream) { ENTER (void)stream; drain(); streams--; return OK; }

API int cuStreamQuery(uint64_t stream) {
  int status = fault_of(__func__);
  static int asked;
  (void)stream;
  /* STUB_LOST_AFTER: this card fails so many questions later. */
  if (getenv("STUB_LOST_AFTER") != NULL && ++asked > atoi(getenv("STUB_LOST_AFTER"))) failed = 719;
  if (status >= 700) failed = status;
  if (failed || status != OK) return failed ? failed : status;
  if (queued > 0 && polls++ < POLLS) return NOT_READY;
  drain();
  return failed;
}

API int cuEventCreate(uint64_t *out, unsigned flags) {
  IN_CONTEXT
  (void)flags;
  int *state = calloc(1, sizeof *state);
  *state = 1;
  events++;
  *out = (uint64_t)state;
  return OK;
}

static void run_record(void *data) { **(int **)data = 1; }

API int cuEventRecord(uint64_t event, uint64_t stream) {
  IN_CONTEXT
  (void)stream;
  int **data = malloc(sizeof *data);
  *data = (int *)event;
  **data = 0;
  stub_enqueue(run_record, data);
  return OK;
}

API int cuEventQuery(uint64_t event) { ENTER return *(int *)event ? OK : NOT_READY; }
API int cuEventElapsedTime(float *out, uint64_t a, uint64_t b) { IN_CONTEXT if (!*(int *)a || !*(int *)b) return NOT_READY; *out = 0.5f; return OK; }
API int cuEventDestroy_v2(uint64_t event) { ENTER drain(); events--; free((void *)event); return OK; }

/* Kernels are compiled before, from the same text, into libkernels.so beside this file. */
static void *kernels(void) {
  Dl_info info;
  char path[4096];
  dladdr((void *)kernels, &info);
  snprintf(path, sizeof path, "%s", info.dli_fname);
  strcpy(strrchr(path, '/') + 1, "libkernels.so");
  return dlopen(path, RTLD_NOW);
}

API int cuModuleLoadData(uint64_t *out, const char *text) {
  IN_CONTEXT
  int is_ptx = strncmp(text, "STUB PTX", 8) == 0;
  if (is_ptx && getenv("STUB_OLD_DRIVER") != NULL) return 222;
  if (!is_ptx && strcmp(text, "STUB SM 90") != 0) return 218;
  *out = (uint64_t)kernels();
  if (*out == 0) return NOT_FOUND;
  modules++;
  return OK;
}

API int cuModuleUnload(uint64_t module) { ENTER dlclose((void *)module); modules--; return OK; }

API int cuModuleGetFunction(uint64_t *out, uint64_t module, const char *name) {
  IN_CONTEXT
  *out = (uint64_t)dlsym((void *)module, name);
  return *out == 0 ? NOT_FOUND : OK;
}

struct launch { void (*kernel)(); uint64_t pointers[3]; int64_t sizes[4]; int blocks; int isProduct; int narrows; };

static void run_kernel(void *data) {
  struct launch *l = data;
  static void (*product)(struct launch *), (*widen)(struct launch *);
  void *library = kernels();
  product = dlsym(library, "stub_product");
  widen = dlsym(library, "stub_widen");
  int64_t m = l->sizes[0], k = l->sizes[1], n = l->sizes[2];
  int64_t bytes[3] = {4 * m * k, 4 * k * n, 4 * m * n};
  for (int i = 0; i < (l->isProduct ? 3 : 2); i++) {
    void *at = stub_host(l->pointers[i], l->isProduct ? bytes[i] : l->sizes[0] * (i == 1 ? (l->narrows ? 2 : 4) : 1));
    if (at == NULL) return;
    l->pointers[i] = (uint64_t)at;
  }
  (l->isProduct ? product : widen)(l);
  dlclose(library);
}

API int cuLaunchKernel(uint64_t kernel, unsigned bx, unsigned by, unsigned bz, unsigned tx, unsigned ty, unsigned tz,
                       unsigned shared, uint64_t stream, void **params, void **extra) {
  IN_CONTEXT
  Dl_info info;
  if (dladdr((void *)kernel, &info) == 0 || info.dli_sname == NULL) return INVALID_HANDLE;
  if (by != 1 || bz != 1 || tx != 256 || ty != 1 || tz != 1 || shared != 0 || stream == 0 || extra != NULL) return INVALID_VALUE;
  struct launch *l = calloc(1, sizeof *l);
  l->kernel = (void (*)())kernel;
  l->blocks = bx;
  l->isProduct = strncmp(info.dli_sname, "multiply", 8) == 0;
  l->narrows = strncmp(info.dli_sname, "narrow", 6) == 0;
  for (int i = 0; i < (l->isProduct ? 3 : 2); i++) l->pointers[i] = *(uint64_t *)params[i];
  if (l->isProduct) for (int i = 0; i < 4; i++) l->sizes[i] = *(int32_t *)params[3 + i];
  else l->sizes[0] = *(int64_t *)params[2];
  stub_enqueue(run_kernel, l);
  return OK;
}

API int cuGetErrorString(int status, const char **out) {
  *out = status == 700 ? "an illegal memory access was encountered" : status == 719 ? "unspecified launch failure"
    : status == 2 ? "out of memory" : status == 100 ? "no CUDA-capable device is detected" : NULL;
  return *out == NULL ? INVALID_VALUE : OK;
}
