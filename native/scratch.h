// Per-thread workspace. It grows and never shrinks, so a batch loop allocates at most once.
#pragma once
#include <cstdlib>
#include <new>

#include "view.h"

namespace backsolve {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }

  /// Makes `bytes` available, contents undefined; what take() gave out before is invalid. Throws std::bad_alloc.
  void reserve(std::size_t bytes) {
    used_ = 0;
    if (bytes <= size_) return;
    std::free(data_);
    data_ = nullptr;
    size_ = 0;
    const std::size_t rounded = (bytes + kAlign - 1) / kAlign * kAlign;
    data_ = static_cast<char*>(std::aligned_alloc(kAlign, rounded));
    if (data_ == nullptr) throw std::bad_alloc();
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
  template <class T>
  static constexpr std::size_t bytes_for(Index count) {
    return (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
  }

 private:
  static constexpr std::size_t kAlign = 64;
  char* data_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

}  // namespace backsolve
