// Per-thread workspace. It grows while a call lasts, so a batch loop allocates at most once; between calls a thread keeps little.
#pragma once
#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "view.h"

namespace backsolve {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  /// Makes `bytes` available, contents undefined; what take() gave out before is invalid. Throws std::bad_alloc.
  void reserve(std::size_t bytes) {
    used_ = 0;
    if (bytes <= size_) return;
    release();
    const std::size_t rounded = (bytes + kAlign - 1) / kAlign * kAlign;
    void* const p = rounded > kKept ? mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                    : std::aligned_alloc(kAlign, rounded);
    if (p == nullptr || p == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<char*>(p);
    size_ = rounded;
  }
  /// The next `count` elements, aligned to a cache line. Never allocates: the kernel's scratch size was reserved before.
  template <class T>
  T* take(Index count) {
    char* p = data_ + used_;
    used_ += bytes_for<T>(count);
    return reinterpret_cast<T*>(p);
  }
  void rewind() { used_ = 0; }
  /// Gives back what is more than a thread keeps between calls.
  void trim() {
    if (size_ > kKept) release();
  }
  template <class T>
  static constexpr std::size_t bytes_for(Index count) {
    return (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
  }

 private:
  static constexpr std::size_t kAlign = 64;
  // Beyond this straight from the system: malloc keeps large blocks that were freed.
  static constexpr std::size_t kKept = std::size_t{4} << 20;
  char* data_ = nullptr;
  std::size_t size_ = 0, used_ = 0;

  void release() {
    if (size_ > kKept)
      munmap(data_, size_);
    else
      std::free(data_);
    data_ = nullptr;
    size_ = 0;
  }
};

}  // namespace backsolve
