// Workspaces. What a kernel needs beside its operands is a struct whose constructor takes every piece of it from an arena. An arena without
// memory only counts, so that what is reserved is what is taken, by the same code.
#pragma once
#include <cstdlib>
#include <new>

#include "mappings.h"
#include "view.h"

namespace backsolve {

#ifdef BS_DEBUG
constexpr bool kDebug = true;
#else
constexpr bool kDebug = false;
#endif

class Arena {
 public:
  static constexpr std::size_t kAlign = 64;
  /// That counts: what it gives out is null.
  Arena() = default;
  Arena(char* data, std::size_t size) : data_(data), size_(size) {}

  // Always inlined: lanes kernels take from it, too, and no code of an instruction set may be shared (lanes/vector/simd.h).
  /// The next `count` elements, aligned to a cache line.
  template <class T>
  __attribute__((always_inline)) T* take(Index count) {
    char* const p = data_ == nullptr ? nullptr : data_ + used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    return reinterpret_cast<T*>(p);
  }
  template <class T>
  Matrix<T> matrix(Index rows, Index cols) {
    return {take<T>(rows * cols), rows, cols, cols};
  }
  __attribute__((always_inline)) std::size_t used() const { return used_; }

  /// In a debug build: nobody may count on what a workspace held before; what was taken is what was counted.
  __attribute__((always_inline)) void spoil() const {
    if (kDebug && size_ > 0) __builtin_memset(data_, 0xff, size_);  // NaN of every kind, and integers that no index is
  }
  __attribute__((always_inline)) void settle() const {
    if (kDebug && used_ != size_) __builtin_trap();
  }

 private:
  char* data_ = nullptr;
  std::size_t used_ = 0, size_ = 0;
};

/// Memory of one thread. It grows while a call lasts, so a batch loop allocates at most once; between calls a thread keeps little, and what
/// is large waits for whoever wants as much.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  /// Makes `bytes` available, contents undefined; what it had before is invalid. Throws std::bad_alloc.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    release();
    const std::size_t step = bytes > kKept ? kPage : Arena::kAlign, rounded = (bytes + step - 1) / step * step;
    void* const p = rounded > kKept ? mappings::take(rounded) : std::aligned_alloc(Arena::kAlign, rounded);
    if (p == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(p);
    size_ = rounded;
  }
  char* data() const { return data_; }
  /// Of that size, which was reserved.
  Arena arena(std::size_t bytes) const { return {data_, bytes}; }
  /// Gives back what is more than a thread keeps between calls.
  void trim() {
    if (size_ > kKept) release();
  }

 private:
  static constexpr std::size_t kKept = std::size_t{4} << 20, kPage = 4096;
  char* data_ = nullptr;
  std::size_t size_ = 0;

  void release() {
    if (size_ > kKept)
      mappings::rest(data_, size_);
    else
      std::free(data_);
    data_ = nullptr;
    size_ = 0;
  }
};

}  // namespace backsolve
