// The table that each instruction set fills: same sources, compiled once per set into a namespace of its own (BS_ISA).
#pragma once
#include "../kernel.h"

namespace backsolve {

/// Elementwise maps; the names are the kernel names of table.cc. `where`, comparisons, real, imag, complex and toComplex mix dtypes:
/// the column is that of the floating (for real/imag: the complex; complex/toComplex: the real input's) dtype.
enum class Map : int {
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,  // (T, T) -> T; maximum, minimum: real only, NaN propagates
  neg,
  square,
  sqrt,
  exp,
  log,
  sin,
  cos,  // T -> T; complex: principal branches
  abs,
  sign,  // T -> real of T (abs), T -> T (sign; 0 at 0; complex z/|z|)
  conj,
  real,
  imag,  // T -> T, T -> real, T -> real
  complex,
  to_complex,  // (R, R) -> C, R -> C; columns f32, f64
  where,       // (b8, T, T) -> T
  greater,
  greater_equal,
  less,
  less_equal,
  equal,
  not_equal,  // (T, T) -> b8; complex: equal and not_equal only
  count
};
enum class Reduce : int { sum, max, min, count };  // max, min: real only, NaN propagates

/// A null pointer means: no such kernel for this dtype.
struct LanesTable {
  const char* name;  // "baseline", "avx2", "avx512", "neon"
  int bytes;         // of one vector register; W = bytes / sizeof(real)

  MapInner map_flat[static_cast<int>(Map::count)][kFloatTypes];
  MapInner map_lanes[static_cast<int>(Map::count)][kFloatTypes];
  ReduceInner reduce_flat[static_cast<int>(Reduce::count)][kFloatTypes];
  ReduceInner reduce_lanes[static_cast<int>(Reduce::count)][kFloatTypes];

  /// Interleaves `count` elements of W items into lanes, and back; items[i] points at item i. b8 elements are W bytes side by side; `width`
  /// = W. unpack writes only the first `used` items.
  void (*pack[6])(void* lanes, const void* const* items, Index count, int width);
  void (*unpack[6])(void* const* items, const void* lanes, Index count, int width, int used);

  LanesKernel cholesky[kFloatTypes];
  LanesKernel cholesky_vjp[kFloatTypes];
};

/// The tables that this build holds; null where the compiler or the processor lacks the set.
const LanesTable* lanes_table_baseline();
const LanesTable* lanes_table_avx2();
const LanesTable* lanes_table_avx512();
const LanesTable* lanes_table_neon();

}  // namespace backsolve
