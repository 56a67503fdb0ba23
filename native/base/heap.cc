#include "heap.h"

#ifdef __linux__
#include <dlfcn.h>
#endif
#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <mutex>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#include <malloc.h>
#endif

namespace backsolve::heap {
namespace {

std::mutex mutex;
bool wanted = true;            // guarded by mutex
const char* what = "not yet";  // guarded by mutex
std::atomic<bool> tuned{false};
std::atomic<std::int64_t> last{0};  // when large arrays were taken

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

#ifdef __GLIBC__
/// glibc takes no larger threshold, and reaches this one by itself in a process that frees arrays of this size.
constexpr int kMostMapped = 32 << 20;
constexpr int kMappings = 65536;  // glibc's own M_MMAP_MAX

/// Whether another allocator stands in for glibc's. They all bring malloc_usable_size, which nobody else refers to: the address of malloc
/// itself may be that of a jump in Node's executable.
bool replaced() {
  Dl_info theirs{}, ours{};
  void* const found = dlsym(RTLD_DEFAULT, "malloc_usable_size");
  return found == nullptr || dladdr(found, &theirs) == 0 || dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &ours) == 0 ||
         theirs.dli_fbase != ours.dli_fbase;
}
/// Whether the environment says itself how malloc is to behave.
bool told() {
  for (const char* name : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_"})
    if (std::getenv(name) != nullptr) return true;
  const char* const tunables = std::getenv("GLIBC_TUNABLES");
  return tunables != nullptr && std::strstr(tunables, "glibc.malloc.") != nullptr;
}
#endif

const char* tuning([[maybe_unused]] std::size_t most) {
  if (!wanted) return "BACKSOLVE_MALLOC";
#ifdef __GLIBC__
  if (replaced()) return "replaced";
  if (told()) return "environment";
  mallopt(M_MMAP_THRESHOLD, kMostMapped);
  mallopt(M_TRIM_THRESHOLD, static_cast<int>(std::min<std::size_t>(most, INT_MAX)));
  tuned = true;
  return "tuned";
#else
  return "not glibc";
#endif
}

}  // namespace

bool choose(const std::string& said) {
  const std::lock_guard lock(mutex);
  wanted = said == "tuned";
  return wanted || said == "system";
}
void tune(std::size_t most) {
  const std::lock_guard lock(mutex);
  static const char* const once = tuning(most);
  what = once;
}
const char* state() {
  const std::lock_guard lock(mutex);
  return what;
}
void hold([[maybe_unused]] bool holds) {
#ifdef __GLIBC__
  if (tuned) mallopt(M_MMAP_MAX, holds ? 0 : kMappings);
#endif
}
void used() { last = now(); }
bool trim() {
  constexpr std::int64_t kMoment = 1000;
  if (now() - last < kMoment) return false;
#ifdef __GLIBC__
  if (tuned) malloc_trim(0);
#endif
  return true;
}

}  // namespace backsolve::heap
