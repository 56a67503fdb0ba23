// Quotients by gaps between eigenvalues or singular values, with what is to happen where these are equal.
#pragma once
#include <algorithm>
#include <limits>

#include "kernel.h"
#include "scaled.h"

namespace backsolve::ops {

template <class T>
Real<T> largest_magnitude(Matrix<const T> m) {
  Real<T> most = 0;
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) most = std::max(most, std::abs(m(i, j)));
  return most;
}

enum class Policy { raise = 0, nan = 1, mask = 2 };
constexpr int kPhase = 1, kStrict = 2, kSingular = 4;  // bits of `checks`; the last: of singular values

// M := F ∘ M, F_ij = 1/(w_j - w_i), zero on the diagonal and where M_ij is exactly zero. Eigenvalues no further apart than
// n ε max|w|, or n subnormal steps, are equal for all that their computation can tell, and so are those at the ends of a row of such: three
// that are equal come out up to twice as far apart. What is rounding of numbers of the size `norm` counts as zero.
template <class T>
std::int32_t gap_quotient_of(const Real<T>* w, Matrix<T> m, Real<T> norm, Policy policy, int checks) {
  using R = Real<T>;
  const Index n = m.rows;
  const R eps = std::numeric_limits<R>::epsilon(), step = std::numeric_limits<R>::denorm_min(), nan = std::numeric_limits<R>::quiet_NaN();
  R top = 0;
  for (Index i = 0; i < n; ++i) top = std::max(top, std::abs(w[i]));
  const bool singular = (checks & kSingular) != 0;
  const R same = R(n) * (eps * top + step), noise = 8 * R(n) * (eps * norm + step);
  for (Index i = 0; i < n; ++i) {
    T diagonal = 0;
    if constexpr (kComplex<T>) {
      // The derivative along v_i -> e^{it} v_i is Im (Vᴴ V̄)_ii; what a phase-free loss leaves there is rounding of its own sums.
      if ((checks & kPhase) != 0 && policy != Policy::mask && std::abs(m(i, i).imag()) > 128 * noise) {
        if (policy == Policy::raise) return make_info(singular ? Fail::singular_phase : Fail::phase, i + 1);
        diagonal = nan;
      }
    }
    for (const Index way : {Index{-1}, Index{1}}) {
      bool joined = true;  // to the eigenvalue before, and that to the one before it, up to i
      for (Index j = i + way; j >= 0 && j < n; j += way) {
        joined = joined && std::abs(w[j] - w[j - way]) <= same;
        const R gap = w[j] - w[i];
        if (!joined && !(std::abs(gap) <= same)) {
          m(i, j) = m(i, j) == T(0) ? T(0) : m(i, j) / gap;
        } else if (policy == Policy::mask || ((checks & kStrict) == 0 && std::abs(m(i, j)) <= noise)) {
          m(i, j) = 0;
        } else if (policy == Policy::raise) {
          return make_info((checks & kStrict) != 0 ? Fail::degenerate_values
                           : singular              ? Fail::equal_singular
                                                   : Fail::degenerate,
                           std::min(i, j) + 1);
        } else {
          m(i, j) = nan;
        }
      }
    }
    m(i, i) = diagonal;
  }
  return 0;
}

}  // namespace backsolve::ops
