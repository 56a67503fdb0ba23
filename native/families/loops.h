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

/// Operands: the output, then up to three inputs. `base` and `block` in that order.
void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block);
/// A part of it: rows [first, last), and of each row elements [from, to).
void run_map(MapInner inner, const Loops& loops, int inputs, char* const* base, const std::size_t* block, Index first, Index last,
             Index from, Index to);

/// out[...] = in[...]; operands: out, in.
void run_move(const Loops& loops, char* out, const char* in, std::size_t block);
void run_move(const Loops& loops, char* out, const char* in, std::size_t block, Index first, Index last, Index from, Index to);

/// Combines all elements that `loops` (one operand) visits into one at `out`, in an order that depends on the loops alone. Runs of about
/// kReduceRun elements are left to `inner`, their results are added as a balanced tree: the rounding error of a sum of n terms is
/// O(eps (kReduceRun + log n)), Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14 (1993), section 2.
void run_reduce(ReduceInner inner, const Loops& loops, char* out, const char* in, std::size_t block);
constexpr Index kReduceRun = 512;

/// One triangle of the last two axes, from diagonal k on; `matrices` contiguous matrices of rows x cols.
void run_band(bool upper, Index k, Index matrices, Index rows, Index cols, char* out, const char* in, std::size_t block);

/// Axes of a reduction as attributes: the dimensions that stay (operands: out, in) and those that go (operand: in).
struct ReducePlan {
  Nest kept, reduced;
};
ReducePlan plan_reduce(const Index* dims, int rank, const double* axes, int count);
/// view: operands out, in. scatter: strides belong to the input, so they are the output's.
Nest plan_move(bool scatter, const Index* walked, int rank, const double* strides);

}  // namespace backsolve
