// Lanes of float as two halves in double precision, for what is computed so whatever the dtype.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

template <class L>
struct Doubles;
template <class R>
struct Doubles<RealLanes<R>> {
  using Type = RealLanes<double>;
};
template <class R>
struct Doubles<ComplexLanes<R>> {
  using Type = ComplexLanes<double>;
};
template <class L>
using Doubled = typename Doubles<L>::Type;
/// How often lanes of double stand in these.
template <class L>
constexpr int kParts = W<typename L::Real> / W<double>;

typedef float HalfFloats __attribute__((vector_size(BS_VECTOR_BYTES / 2)));

/// One of the parts of a matrix.
template <class L>
__attribute__((noinline)) void read_part(const void* operand, int part, const Strided<Doubled<L>>& to) {
  using R = typename L::Real;
  const R* from = static_cast<const R*>(operand) + part * W<double>;
  for (Index i = 0; i < to.rows; ++i) {
    for (Index j = 0; j < to.cols; ++j) {
      for (int plane = 0; plane < L::planes; ++plane, from += W<R>) {
        double* const at = to.at(i, j) + plane * W<double>;
        if constexpr (sizeof(R) == 8) {
          store<double>(at, load<double>(from));
        } else {
          HalfFloats x;
          __builtin_memcpy(&x, from, sizeof x);
          store<double>(at, __builtin_convertvector(x, Vec<double>));
        }
      }
    }
  }
}
/// And back; which lanes have no numbers beyond the largest one.
template <class L>
__attribute__((noinline)) Mask<double> write_part(const Strided<Doubled<L>>& from, int part, void* operand) {
  using R = typename L::Real;
  R* to = static_cast<R*>(operand) + part * W<double>;
  Mask<double> good = ~Mask<double>{};
  for (Index i = 0; i < from.rows; ++i) {
    for (Index j = 0; j < from.cols; ++j) {
      for (int plane = 0; plane < L::planes; ++plane, to += W<R>) {
        const Vec<double> x = load<double>(from.at(i, j) + plane * W<double>);
        good &= vabs<double>(x) <= static_cast<double>(Ieee<R>::max);
        if constexpr (sizeof(R) == 8) {
          store<double>(to, x);
        } else {
          const HalfFloats y = __builtin_convertvector(x, HalfFloats);
          __builtin_memcpy(to, &y, sizeof y);
        }
      }
    }
  }
  return good;
}

}  // namespace backsolve::BS_ISA
