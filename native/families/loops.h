// Strided n-dimensional loops over elements: elementwise maps, reductions and moves, over whole tensors or over item values.
// An element is `block` bytes: one scalar (flat), or the W scalars of one lane group.
#pragma once
#include <utility>

#include "../kernels/kernel.h"

namespace backsolve {

constexpr int kMaxBlock = 128;           // bytes: a complex element of the widest registers
constexpr int kMaxLoops = kMaxRank + 1;  // an item's dimensions and the groups of a chunk

/// Dimensions with one stride per operand, in elements; dimension 0 is the outermost.
struct Axes {
  int rank = 0;
  Index extent[kMaxLoops];
  Index stride[kMaxOperands][kMaxLoops];
};

/// Compact form: the extents, then the strides of operand 0, of operand 1, ... Does not own them.
struct Loops {
  int rank;  // >= 1
  const Index* data;
  const Index* extent() const { return data; }
  const Index* stride(int operand) const { return data + (1 + operand) * rank; }
  Index count() const;
  Index rows() const;  // all but the innermost dimension
  Index inner() const { return data[rank - 1]; }
};

/// Owns a compact form.
struct Nest {
  int rank;
  int size;
  Index data[(1 + kMaxOperands) * kMaxLoops];
  Loops loops() const { return {rank, data}; }
};

/// Row-major strides of `dims` seen through the broadcast shape `to`: 0 along missing dimensions and those of size 1.
void broadcast_strides(const Index* dims, int rank, const Index* to, int to_rank, Index* stride);
/// Merges dimensions that all operands walk as one and drops those of size 1, except dimension 0 if `keep_first`.
Nest coalesce(const Axes& axes, int operands, bool keep_first = false);

/// Calls f(pointers) for rows [first, last) of the nest, a row being the innermost dimension. Pointers may be null.
template <class F>
void for_rows(const Loops& loops, int operands, const std::size_t* block, char* const* base, Index first, Index last, F&& f) {
  char* p[kMaxOperands];
  Index at[kMaxLoops];
  const int outer = loops.rank - 1;
  for (int o = 0; o < operands; ++o) p[o] = base[o];
  if (first >= last) return;
  Index rest = first;
  for (int d = outer - 1; d >= 0; --d) {
    at[d] = rest % loops.extent()[d];
    rest /= loops.extent()[d];
    for (int o = 0; o < operands; ++o) p[o] += at[d] * loops.stride(o)[d] * static_cast<Index>(block[o]);
  }
  for (Index row = first;;) {
    f(p);
    if (++row == last) return;
    for (int d = outer - 1;; --d) {
      const bool carry = ++at[d] == loops.extent()[d];
      const Index steps = carry ? 1 - loops.extent()[d] : 1;
      for (int o = 0; o < operands; ++o) p[o] += steps * loops.stride(o)[d] * static_cast<Index>(block[o]);
      if (!carry) break;
      at[d] = 0;
    }
  }
}

/// out[...] = in[...]; operands: out, in. Rows [first, last), and of each elements [from, to).
void run_move(const Loops& loops, char* out, const char* in, std::size_t block, Index first, Index last, Index from, Index to);
inline void run_move(const Loops& loops, char* out, const char* in, std::size_t block) {
  run_move(loops, out, in, block, 0, loops.rows(), 0, loops.inner());
}

}  // namespace backsolve
