// A stand-in for libnvrtc: what it compiles begins with "STUB PTX". A text with `syntax error` in it does not compile.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
static const char LOG[] = "directview.cu(1): error: a syntax error";

static char architecture[16];

API int nvrtcCreateProgram(uint64_t *out, const char *text, const char *name, int headers, void *a, void *b) {
  (void)name; (void)headers; (void)a; (void)b;
  *out = (uint64_t)strdup(text);
  return 0;
}
API int nvrtcCompileProgram(uint64_t program, int count, void *options) {
  const char *option = count == 0 ? "" : *(const char **)options;
  if (count > 1 || (count == 1 && strncmp(option, "--gpu-architecture=sm_", 22) != 0)) return 5;
  if (count == 1) strcpy(architecture, option + 22);
  return getenv("STUB_NVRTC_FAILS") != NULL || strstr((char *)program, "syntax error") != NULL ? 6 : 0;
}
API int nvrtcGetPTXSize(uint64_t program, uint64_t *out) { (void)program; *out = 9; return 0; }
API int nvrtcGetPTX(uint64_t program, char *out) { (void)program; memcpy(out, "STUB PTX", 9); return 0; }
API int nvrtcGetCUBINSize(uint64_t program, uint64_t *out) { (void)program; *out = 16; return 0; }
API int nvrtcGetCUBIN(uint64_t program, char *out) { (void)program; memset(out, 0, 16); strcat(strcpy(out, "STUB SM "), architecture); return 0; }
API int nvrtcGetProgramLogSize(uint64_t program, uint64_t *out) { (void)program; *out = sizeof LOG; return 0; }
API int nvrtcGetProgramLog(uint64_t program, char *out) { (void)program; memcpy(out, LOG, sizeof LOG); return 0; }
API int nvrtcDestroyProgram(uint64_t *program) { free((void *)*program); *program = 0; return 0; }
