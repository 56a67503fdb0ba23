// Counter-based random numbers: number i of a stream is a function of its key and of i alone, to the bit, on every instruction set.
#pragma once
#include "../base/view.h"

namespace backsolve {

/// Which numbers of a stream: lib/ops/random.ts defines them.
struct Draw {
  /// unit: uniform in (0, 1). uniform: in [low, high). normal: of mean 0 and a variance. split: the words of further keys.
  enum class Kind : int { unit, uniform, normal, split, none };
  Kind kind;
  std::uint32_t key[2];
  double variance;
  // uniform: low = start and high - low = wide + rest, all in units of a power of two in which nothing overflows or underflows.
  double start, wide, rest, unit;
};

constexpr Index kDrawBlock = 256;  // numbers made at a time

/// Numbers first, first + 1, ... of a stream, `step` numbers apart in memory; first: a multiple of kDrawBlock.
using RandomFill = void (*)(const Draw& draw, void* out, Index step, Index first, Index count);

}  // namespace backsolve
