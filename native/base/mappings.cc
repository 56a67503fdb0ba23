#include "mappings.h"

#include <sys/mman.h>

#include <atomic>
#include <map>
#include <mutex>
#include <new>

namespace backsolve::mappings {
namespace {

/// By size. Leaked: threads may end while the process does.
struct Waiting {
  std::mutex mutex;
  std::multimap<std::size_t, void*> list;
  std::size_t bytes = 0, most = 0;
};
Waiting& all() {
  static Waiting* w = new Waiting;
  return *w;
}
std::atomic<bool> news{false};

}  // namespace

void* waiting(std::size_t bytes) {
  Waiting& w = all();
  const std::lock_guard lock(w.mutex);
  const auto found = w.list.find(bytes);
  if (found == w.list.end()) return nullptr;
  void* const p = found->second;
  w.list.erase(found);
  w.bytes -= bytes;
  return p;
}

void* take(std::size_t bytes) {
  if (void* const p = waiting(bytes)) return p;
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return p;
}

void rest(void* mapping, std::size_t bytes) {
  Waiting& w = all();
  std::multimap<std::size_t, void*> out;
  {
    const std::lock_guard lock(w.mutex);
    if (w.bytes + bytes > w.most) {  // those of other sizes go: nobody may want these any more
      out.swap(w.list);
      w.bytes = 0;
    }
    const bool waits = bytes <= w.most;
    (waits ? w.list : out).emplace(bytes, mapping);
    if (waits) w.bytes += bytes;
    if (waits) news.store(true, std::memory_order_relaxed);
  }
  for (const auto& [size, p] : out) munmap(p, size);
}

void keep(std::size_t most) {
  const std::lock_guard lock(all().mutex);
  all().most = most;
}

void trim() {
  std::multimap<std::size_t, void*> out;
  {
    const std::lock_guard lock(all().mutex);
    out.swap(all().list);
    all().bytes = 0;
  }
  for (const auto& [size, p] : out) munmap(p, size);
}

bool rested() { return news.load(std::memory_order_relaxed) && news.exchange(false, std::memory_order_relaxed); }

}  // namespace backsolve::mappings
