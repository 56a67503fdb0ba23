// Memory of asynchronous jobs. Blocks have a shared count, so that no array of JavaScript's decides how long they live: a job holds its
// blocks, an ArrayBuffer over one holds it, too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace backsolve {

class Block;
using Memory = std::shared_ptr<Block>;

/// From here on memory is mapped, found again by address and handed to JavaScript as it is; below, copies are cheaper.
constexpr std::size_t kLargeBytes = std::size_t{1} << 20;

class Block {
 public:
  /// Uninitialised. Throws std::bad_alloc.
  static Memory make(std::size_t bytes);
  /// A large block with the contents of `from`, whose pages it takes where the system can move them: `from` then holds zeros and rests.
  static Memory take(void* from, std::size_t bytes);
  /// The large block that holds these bytes, if any does.
  static Memory find(const void* data, std::size_t bytes);

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  /// Puts the contents of a large block to `to`, by moving its pages where the system can, unless more than `holders` hold it: then false.
  /// Nobody may read the block afterwards.
  static bool give(const Memory& block, long holders, void* to);
  /// Keeps the addresses of a large block for good, but returns the memory: who still reads it finds zeros.
  static void strand(Memory block);

  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

 private:
  Block(std::size_t bytes, std::uintptr_t like, bool bare = false);
  void cut(std::byte* hole, std::size_t bytes);
  std::byte* data_ = nullptr;
  std::size_t size_;
  std::byte* base_ = nullptr;  // of the mapping, if large
  std::size_t mapped_ = 0;
};

}  // namespace backsolve
