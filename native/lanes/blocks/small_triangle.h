// Lower triangular matrices of 1 to 4 rows, of W items side by side, in registers: what LowerSolve computes, in its order.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

template <class L, int N>
BS_INLINE void load_column(const Strided<L>& m, Index j, typename L::Element (&x)[N]) {
  for (int i = 0; i < N; ++i) x[i] = m.get(i, j);
}
template <class L, int N>
BS_INLINE void store_column(const Strided<L>& m, Index j, const typename L::Element (&x)[N]) {
  for (int i = 0; i < N; ++i) m.set(i, j, x[i]);
}

template <class L, int N>
struct SmallTriangle {
  using R = typename L::Real;
  using E = typename L::Element;
  E a[N][N], by[N], sum[N][N];  // below the diagonal; reciprocals of it; the cotangent
  bool unit;                    // ones on the diagonal, which is not read

  /// The conjugate, with that sign; returns 0, or NaN where the diagonal is not finite.
  BS_INLINE Vec<R> load(const Strided<L>& m, Bits<R> sign, bool ones) {
    Vec<R> defect = Vec<R>{};
    unit = ones;
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < i; ++j) a[i][j] = L::conj_by(sign, m.get(i, j));
    }
    for (int i = 0; i < N; ++i) {
      const E d = ones ? L::from_re(splat<R>(1)) : L::conj_by(sign, m.get(i, i));
      defect += L::defect(d);
      by[i] = ones ? d : L::inverse(d);
    }
    return defect;
  }
  BS_INLINE E over(E x, E reciprocal) const { return L::planes == 2 && unit ? x : L::mul(x, reciprocal); }
  /// x := A⁻¹ x
  BS_INLINE void solve(E (&x)[N]) const {
    for (int i = 0; i < N; ++i) {
      for (int k = 0; k < i; ++k) x[i] = L::minus(x[i], a[i][k], x[k]);
      x[i] = over(x[i], by[i]);
    }
  }
  /// x := A⁻ᴴ x
  BS_INLINE void solve_adjoint(E (&x)[N]) const {
    for (int i = N - 1; i >= 0; --i) {
      for (int k = N - 1; k > i; --k) x[i] = L::minus_conj(x[i], x[k], a[k][i]);
      x[i] = over(x[i], L::conj(by[i]));
    }
  }
  BS_INLINE void clear_sums() {
    for (int i = 0; i < N; ++i)
      for (int j = 0; j <= i; ++j) sum[i][j] = L::from_re(Vec<R>{});
  }
  /// The triangle of y xᴴ, or of its conjugate, taken from the sums.
  BS_INLINE void subtract(const E (&y)[N], const E (&x)[N], Bits<R> sign) {
    for (int i = 0; i < N; ++i) {
      const E turned = L::conj_by(sign, y[i]);
      for (int j = 0; j <= i; ++j) sum[i][j] = L::minus_conj(sum[i][j], turned, L::conj_by(sign, x[j]));
    }
  }
  BS_INLINE void store_sums(const Strided<L>& m) const {
    const E zero = L::from_re(Vec<R>{});
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < i; ++j) {
        m.set(i, j, sum[i][j]);
        m.set(j, i, zero);
      }
      m.set(i, i, unit ? zero : sum[i][i]);
    }
  }
};

/// What f gives for an order of 1 to 4, as a constant; null: of others.
template <int N>
struct Order {
  static constexpr int value = N;
};
template <class F>
BS_INLINE auto by_order(Index n, F&& f) -> decltype(f(Order<1>{})) {
  if (n == 1) return f(Order<1>{});
  if (n == 2) return f(Order<2>{});
  if (n == 3) return f(Order<3>{});
  if (n == 4) return f(Order<4>{});
  return nullptr;
}

}  // namespace backsolve::BS_ISA
