#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "../base/mappings.h"

namespace backsolve {
namespace {

/// Where in its page what malloc maps begins to be used: pages move only between memory that lies in its page alike.
constexpr std::uintptr_t kMallocOffset = 16;

/// Large blocks by address. Leaked: blocks may go while the process ends.
struct Registry {
  std::mutex mutex;
  std::map<std::uintptr_t, std::weak_ptr<Block>> blocks;
};
Registry& registry() {
  static Registry* r = new Registry;
  return *r;
}
void enter(const Memory& block) {
  const std::lock_guard lock(registry().mutex);
  registry().blocks[reinterpret_cast<std::uintptr_t>(block->data())] = block;
}

std::uintptr_t page() {
  static const auto size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  return size;
}
/// Bytes from p up to the next page.
std::size_t gap(const void* p) { return (page() - reinterpret_cast<std::uintptr_t>(p) % page()) % page(); }

void* map(void* at, std::size_t bytes, int flags) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/// The pages that lie whole in both of two ranges of `bytes` which lie in their pages alike.
struct Pages {
  std::size_t first = 0, bytes = 0;
  Pages(const void* a, const void* b, std::size_t size) {
    if (gap(a) != gap(b) || size < gap(a)) return;
    first = gap(a);
    bytes = (size - first) / page() * page();
  }
};

#if defined(__linux__) && defined(MREMAP_DONTUNMAP)
constexpr bool kMoves = true;
/// Moves pages to where others are mapped. Nothing is copied, page tables change. `keep`: `from` stays mapped, to zeros.
/// If it fails, nothing is mapped at `to` any more.
bool move(std::byte* from, std::byte* to, std::size_t bytes, bool keep) {
  return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0), to) != MAP_FAILED;
}
/// Whether what pages were moved from stays mapped: not before Linux 5.7, and not under QEMU's user-mode emulation, which says that it does
/// and takes it away. access() tells without a signal.
bool keeps_source() {
  static const bool keeps = [] {
    auto* const from = static_cast<std::byte*>(map(nullptr, 2 * page(), 0));
    if (from == MAP_FAILED) return false;
    const bool moved = move(from, from + page(), page(), true);
    const bool there = moved && (access(reinterpret_cast<const char*>(from), F_OK) == 0 || errno != EFAULT);
    munmap(from, 2 * page());
    return there;
  }();
  return keeps;
}
/// Maps zeros where nothing is mapped.
bool fill_hole(std::byte* at, std::size_t bytes) { return map(at, bytes, MAP_FIXED_NOREPLACE) == at; }
#else
constexpr bool kMoves = false;
bool move(std::byte*, std::byte*, std::size_t, bool) { return false; }
bool keeps_source() { return false; }
bool fill_hole(std::byte*, std::size_t) { return false; }
#endif

void copy_around(const std::byte* from, std::byte* to, std::size_t size, const Pages& pages) {
  const std::size_t last = pages.first + pages.bytes;
  std::memcpy(to, from, pages.first);
  std::memcpy(to + last, from + last, size - last);
}

}  // namespace

/// `like`: the address whose place in its page data() gets. `bare`: its pages are to be replaced, so that it should have none.
Block::Block(std::size_t bytes, std::uintptr_t like, bool bare) : size_(bytes) {
  if (bytes < kLargeBytes) {
    data_ = new std::byte[bytes];
    return;
  }
  const std::size_t wanted = bytes + page();
  if (bare) {
    void* const base = map(nullptr, wanted, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(base);
  } else {
    base_ = static_cast<std::byte*>(mappings::take(wanted));
  }
  mapped_ = wanted;
  data_ = base_ + like % page();
}

Block::~Block() {
  if (size_ < kLargeBytes) {
    delete[] data_;
  } else if (base_ != nullptr) {
    {
      const std::lock_guard lock(registry().mutex);
      registry().blocks.erase(reinterpret_cast<std::uintptr_t>(data_));
    }
    mappings::rest(base_, mapped_);
  }
}

/// Ends the mapping, but for a part that is no longer ours.
void Block::cut(std::byte* hole, std::size_t bytes) {
  munmap(base_, static_cast<std::size_t>(hole - base_));
  munmap(hole + bytes, static_cast<std::size_t>(base_ + mapped_ - (hole + bytes)));
  base_ = data_ = nullptr;
}

Memory Block::make(std::size_t bytes) {
  Memory block(new Block(bytes, kMallocOffset));
  if (bytes >= kLargeBytes) enter(block);
  return block;
}

Memory Block::take(void* from, std::size_t bytes) {
  auto* const source = static_cast<std::byte*>(from);
  const auto like = reinterpret_cast<std::uintptr_t>(from);
  const bool moves = keeps_source();
  Memory block(new Block(bytes, like, moves));
  const Pages pages(source, block->data_, bytes);
  if (moves && move(source + pages.first, block->data_ + pages.first, pages.bytes, true)) {
    copy_around(source, block->data_, bytes, pages);
  } else {
    if (moves) {
      block->cut(block->data_ + pages.first, pages.bytes);
      block.reset(new Block(bytes, like));
    }
    std::memcpy(block->data_, from, bytes);
  }
  enter(block);
  return block;
}

Memory Block::find(const void* data, std::size_t bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(data);
  Memory block;  // goes, if it is the last to hold the block, after the lock
  {
    const std::lock_guard lock(registry().mutex);
    const auto next = registry().blocks.upper_bound(at);
    if (next != registry().blocks.begin()) block = std::prev(next)->second.lock();
  }
  const bool inside = block != nullptr && at + bytes <= reinterpret_cast<std::uintptr_t>(block->data()) + block->size();
  return inside ? block : nullptr;
}

bool Block::give(const Memory& block, long holders, void* to) {
  {
    const std::lock_guard lock(registry().mutex);
    if (block.use_count() > holders) return false;
    registry().blocks.erase(reinterpret_cast<std::uintptr_t>(block->data_));
  }
  auto* const target = static_cast<std::byte*>(to);
  const Pages pages(block->data_, to, block->size_);
  std::byte* const hole = block->data_ + pages.first;
  if (!kMoves || pages.bytes == 0) {
    std::memcpy(to, block->data_, block->size_);
  } else if (move(hole, target + pages.first, pages.bytes, false)) {
    copy_around(block->data_, target, block->size_, pages);
    block->cut(hole, pages.bytes);
  } else {
    // A limit on mappings, say. What the kernel took away at `to` belongs to another: it must be there again.
    if (!fill_hole(target + pages.first, pages.bytes)) std::abort();
    std::memcpy(to, block->data_, block->size_);
  }
  return true;
}

void Block::strand(Memory block) {
  if (block->base_ != nullptr) madvise(block->base_, block->mapped_, MADV_DONTNEED);
  new Memory(std::move(block));
}

}  // namespace backsolve
