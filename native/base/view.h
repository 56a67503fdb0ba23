// Non-owning views. Row-major; complex is interleaved (re, im). Nothing here allocates or owns.
#pragma once
#include <complex>
#include <cstddef>
#include <cstdint>

namespace backsolve {

using Index = std::int64_t;

constexpr int kMaxRank = 12;      // of any tensor, batch dimensions included; TypeScript refuses more
constexpr int kMaxOperands = 16;  // inputs and outputs of one kernel
constexpr int kMaxDims = 8;       // distinct letters of one kernel signature

enum class DType : std::uint8_t { f32 = 0, f64 = 1, c64 = 2, c128 = 3, b8 = 4, i32 = 5 };
constexpr int kFloatTypes = 4;  // f32, f64, c64, c128
constexpr int kDTypes = 6;

constexpr std::size_t size_of(DType t) {
  constexpr std::size_t sizes[] = {4, 8, 8, 16, 1, 4};
  return sizes[static_cast<int>(t)];
}

/// float of float and complex<float>; double of double and complex<double>.
template <class T>
struct RealOf {
  using type = T;
};
template <class R>
struct RealOf<std::complex<R>> {
  using type = R;
};
template <class T>
using Real = typename RealOf<T>::type;

/// One row-major matrix: element (i, j) is data[i * stride + j].
template <class T>
struct Matrix {
  T* data;
  Index rows, cols, stride;
  T& operator()(Index i, Index j) const { return data[i * stride + j]; }
};

}  // namespace backsolve
