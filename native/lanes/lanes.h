// The table that each instruction set fills: same sources, compiled once per set into a namespace of its own (BS_ISA).
#pragma once
#include "../kernels/kernel.h"
#include "../kernels/random.h"

namespace backsolve {

/// Elementwise maps: enumerator, kernel name, ports (T, R real of T, C complex of T, B bool; inputs then the output), cost in
/// multiplications. maximum, minimum and the orders: real only, NaN propagates or compares false; sign is 0 at 0, complex z/|z|; principal
/// branches. The column of a map that mixes dtypes is that of T; of complex and toComplex, of the real input.
#define BS_MAPS(X)                           \
  X(add, "add", "TTT", 1)                    \
  X(sub, "sub", "TTT", 1)                    \
  X(mul, "mul", "TTT", 1)                    \
  X(div, "div", "TTT", 1)                    \
  X(scale, "scale", "TTT", 1)                \
  X(unscale, "unscale", "TTT", 1)            \
  X(maximum, "maximum", "TTT", 1)            \
  X(minimum, "minimum", "TTT", 1)            \
  X(neg, "neg", "TT", 1)                     \
  X(square, "square", "TT", 1)               \
  X(sqrt, "sqrt", "TT", 1)                   \
  X(exp, "exp", "TT", 10)                    \
  X(log, "log", "TT", 10)                    \
  X(sin, "sin", "TT", 10)                    \
  X(cos, "cos", "TT", 10)                    \
  X(cosh, "cosh", "TT", 10)                  \
  X(sinh, "sinh", "TT", 10)                  \
  X(abs, "abs", "TR", 1)                     \
  X(sign, "sign", "TT", 1)                   \
  X(conj, "conj", "TT", 1)                   \
  X(real, "real", "TR", 1)                   \
  X(imag, "imag", "TR", 1)                   \
  X(complex, "complex", "RRC", 1)            \
  X(to_complex, "toComplex", "RC", 1)        \
  X(where, "where", "BTTT", 1)               \
  X(greater, "greater", "TTB", 1)            \
  X(greater_equal, "greaterEqual", "TTB", 1) \
  X(less, "less", "TTB", 1)                  \
  X(less_equal, "lessEqual", "TTB", 1)       \
  X(equal, "equal", "TTB", 1)                \
  X(not_equal, "notEqual", "TTB", 1)

enum class Map : int {
#define BS_ENUMERATOR(e, name, ports, cost) e,
  BS_MAPS(BS_ENUMERATOR)
#undef BS_ENUMERATOR
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

  RandomFill random[2];  // float, double

  LanesKernel cholesky[kFloatTypes];
  LanesKernel cholesky_vjp[kFloatTypes];
  LanesKernel solve_triangular[kFloatTypes];
  LanesKernel solve_triangular_vjp[kFloatTypes];
  LanesKernel matmul[kFloatTypes];
  LanesKernel solve[kFloatTypes];
  LanesKernel solve_vjp[kFloatTypes];
  LanesKernel inv[kFloatTypes];
  LanesKernel inv_vjp[kFloatTypes];
  LanesKernel det[kFloatTypes];
  LanesKernel det_vjp[kFloatTypes];
  LanesKernel slogdet[kFloatTypes];
  LanesKernel slogdet_vjp[kFloatTypes];
  LanesKernel lstsq[kFloatTypes];
  LanesKernel lstsq_vjp[kFloatTypes];
};

}  // namespace backsolve
