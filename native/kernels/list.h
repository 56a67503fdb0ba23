// What a file of kernels needs to end in its list: kernels.def names the file, table.cc puts the lists together.
#pragma once
#include <algorithm>

#include "table.h"

namespace backsolve {

/// A template f<T>(const Call&) and its workspace, f_scratch.
#define BS_SINGLE(f) (Single{{f<float>, f<double>, f<std::complex<float>>, f<std::complex<double>>}, f##_scratch})

#define BS_LIST(file, list) \
  std::span<const Kernel> kernels_of_##file() { return list; }

/// Of lanes kernels: one operand, or LU factors with pivots.
inline std::size_t lanes_bytes(DType t, Index count, int width) {
  return (static_cast<std::size_t>(count) * size_of(t) * static_cast<std::size_t>(width) + 63) / 64 * 64;
}
inline std::size_t right_side_lanes(const Index* d, const double*, DType t, int width) { return lanes_bytes(t, d[0] * d[1], width); }
inline std::size_t square_lanes(const Index* d, const double*, DType t, int width) { return lanes_bytes(t, d[0] * d[0], width); }
inline std::size_t factors_lanes(const Index* d, const double* attrs, DType t, int width) {
  return square_lanes(d, attrs, t, width) + lanes_bytes(DType::i32, d[0], width);
}

}  // namespace backsolve
