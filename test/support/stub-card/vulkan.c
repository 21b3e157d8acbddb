// A stand-in for the Vulkan driver of a card: the software driver that VK_STUB_DRIVER names, under the name of a card. With
// VK_STUB_SUBMITS=n the card is lost at its n-th submission.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
#define DISCRETE 2
#define NVIDIA 0x10DE
#define PROPRIETARY 4
#define LOST -4
#define DRIVER_PROPERTIES 1000196000

typedef void (*function)(void);
typedef function (*lookup)(void *, const char *);
struct chain { int type; struct chain *next; };
struct properties { uint32_t version, driver, vendor, device, type; char name[256]; };
struct properties2 { struct chain head; struct properties of; };
struct driver { struct chain head; uint32_t id; char name[256], info[256]; };

static void *real(void) {
  static void *library;
  if (library == NULL) library = dlopen(getenv("VK_STUB_DRIVER"), RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fprintf(stderr, "stub driver: %s\n", dlerror());
  return library;
}

static void (*plain)(void *, struct properties *), (*chained)(void *, struct properties2 *);
static int (*submit)(void *, uint32_t, const void *, uint64_t);
static lookup of_device;

static void rename_card(struct properties *p) {
  p->vendor = NVIDIA; p->device = 0x2335; p->type = DISCRETE;
  strcpy(p->name, "NVIDIA H200 (stub)");
}

static void stub_plain(void *device, struct properties *p) { plain(device, p); rename_card(p); }

static void stub_chained(void *device, struct properties2 *p) {
  chained(device, p);
  rename_card(&p->of);
  for (struct chain *c = p->head.next; c != NULL; c = c->next) if (c->type == DRIVER_PROPERTIES) {
    struct driver *d = (struct driver *)c;
    d->id = PROPRIETARY;
    strcpy(d->name, "NVIDIA"); strcpy(d->info, "580.95.05");
  }
}

static int stub_submit(void *queue, uint32_t count, const void *work, uint64_t fence) {
  static int submits;
  const char *last = getenv("VK_STUB_SUBMITS");
  return last != NULL && ++submits >= atoi(last) ? LOST : submit(queue, count, work, fence);
}

static function replaced(const char *name, function found);

static function stub_of_device(void *device, const char *name) { return replaced(name, of_device(device, name)); }

static function replaced(const char *name, function found) {
  if (found == NULL) return NULL;
  if (!strcmp(name, "vkGetPhysicalDeviceProperties")) { plain = (void *)found; return (function)stub_plain; }
  if (!strncmp(name, "vkGetPhysicalDeviceProperties2", 30)) { chained = (void *)found; return (function)stub_chained; }
  if (!strcmp(name, "vkGetDeviceProcAddr")) { of_device = (lookup)found; return (function)stub_of_device; }
  if (!strcmp(name, "vkQueueSubmit")) { submit = (void *)found; return (function)stub_submit; }
  return found;
}

API function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  void *library = real();
  if (library == NULL) return NULL;
  return replaced(name, ((lookup)dlsym(library, "vk_icdGetInstanceProcAddr"))(instance, name));
}

API int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  void *library = real();
  int (*negotiate)(uint32_t *) = library == NULL ? NULL : dlsym(library, "vk_icdNegotiateLoaderICDInterfaceVersion");
  if (*version > 5) *version = 5;
  return negotiate == NULL ? -9 : negotiate(version);
}
