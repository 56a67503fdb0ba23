// The kernel contract. A kernel computes ONE matrix, or W matrices side by side in SIMD lanes. It never sees a batch,
// a thread, a failure policy or a JavaScript value: the executor (exec/) owns all of those.
#pragma once
#include "../base/status.h"
#include "../base/workspace.h"

namespace backsolve {

/// What a matrix kernel gets: operands in signature order, inputs then outputs.
struct Call {
  void* const* operand;  // inputs then outputs; null: a missing cotangent, or an output nobody wants
  const Index* dims;     // the letters of the signature in order of first appearance, e.g. {m, k} of (m,m),(m,k)->(m,k)
  const double* attrs;   // flags and enumerations as small integers, in the order of the row's `attrs`

  template <class T>
  Matrix<T> matrix(int i, Index rows, Index cols) const {
    return {static_cast<T*>(operand[i]), rows, cols, cols};
  }
  template <class T>
  T* vector(int i) const {
    return static_cast<T*>(operand[i]);
  }
};

/// One item, contiguous row-major operands (complex interleaved). Inputs are never written. Every wanted output is written in
/// full, zeros of a triangle included, whatever it held before. Returns 0 or make_info(...); after a failure outputs may hold anything.
using SingleKernel = std::int32_t (*)(const Call&, Arena&&);

/// Item after item of those that cannot fail and are so small that a call for each costs more: operand o of item i is lists[o][i], not that
/// of the call.
using ManyKernel = void (*)(const Call&, const void* const* const* lists, Index items);

/// W items in lanes: element e of an operand is one vector at e * W reals (real), or two vectors, re then im, at e * 2W reals
/// (complex as two planes), aligned to the vector size. Writes W infos. A lane that fails does not disturb the others and never traps. A
/// lane whose info is Fail::declined is computed again by the single kernel: rare cases that take another algorithm. The workspace is told
/// by reference: of a copy on the stack, written in parts and read as one, the processor waits for the parts, longer than a small product
/// takes.
using LanesKernel = void (*)(const Call&, Arena&&, std::int32_t* info);

/// A lanes kernel for calls of one small size, whose code costs less than what is around it: group after group, operand o of the next one
/// step[o] bytes further, null ones nowhere. Without infos (null) it returns whether all of them would be 0: if not, the groups are
/// computed again, each by a call of its own, which writes W infos.
using GroupsKernel = bool (*)(const Call& first, const Index* step, Index groups, std::int32_t* info);

/// Bytes of workspace: of a call with these dimensions and attributes, whose operands only tell whether they are there.
using Workspace = std::size_t (*)(const Call&);

/// Innermost loop of an elementwise map: n elements; strides of out, in0, in1, in2 in ELEMENTS (any value, 0 = broadcast).
/// flat: an element is one scalar (complex: interleaved pair). lanes: an element is one vector (complex: re then im vector).
using MapInner = void (*)(void* out, const void* const* in, Index n, const Index* strides);

/// Innermost loop of a reduction: combines n elements of `in` (stride in ELEMENTS) into one element at `out`;
/// first: start from them, else combine with what `out` holds.
using ReduceInner = void (*)(void* out, const void* in, Index n, Index stride, bool first);

/// Reductions of n > 0 elements each into `count` contiguous ones. Rows: contiguous, `step` elements from one row to the next. Columns:
/// side by side, `step` elements from one element of a column to the next. The order is that of n alone.
using ReduceRows = void (*)(void* out, const void* in, Index count, Index step, Index n);
using ReduceColumns = void (*)(void* out, const void* in, Index count, Index n, Index step);

}  // namespace backsolve
