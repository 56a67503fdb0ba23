// Spectra of W real symmetric matrices of two, three or four rows side by side, in registers, by Jacobi's rotations (Golub & Van Loan 2013,
// section 8.5).
//
// With d = (a_qq - a_pp)/2, b = a_pq and r = √(d² + b²): t = b / (d ± r), c = √((1 + |d|/r)/2), s = t c, so that a root and a quotient are
// all that c and s wait for together. A lane without an element beside the diagonal above ε ‖A‖ / 4 does not move any more.
#pragma once
#include "../vector/bits.h"

namespace backsolve::BS_ISA {

template <class R, int N, bool Vectors>
struct Jacobi {
  Vec<R> a[N][N];  // below and on the diagonal
  Vec<R> v[Vectors ? N : 1][N];
  Vec<R> least;

  BS_INLINE Vec<R>& at(int i, int j) { return i > j ? a[i][j] : a[j][i]; }
  BS_INLINE static void turn(Vec<R> s, Vec<R> tau, Vec<R>& x, Vec<R>& y) {
    const Vec<R> before = x;
    x -= s * (y + tau * x);
    y += s * (before - tau * y);
  }
  BS_INLINE void rotate(int p, int q) {
    const Vec<R> one = splat<R>(1), zero = Vec<R>{}, b = at(p, q);
    const Mask<R> moves = vabs<R>(b) > least;
    const Vec<R> d = (a[q][q] - a[p][p]) * R(0.5), r = moves ? vsqrt<R>(d * d + b * b) : one;
    const Vec<R> t = moves ? b / (d + vcopysign<R>(r, d)) : zero;
    const Vec<R> c = moves ? vsqrt<R>((one + vabs<R>(d) / r) * R(0.5)) : one, s = t * c, tau = s / (one + c);
    a[p][p] -= t * b;
    a[q][q] += t * b;
    at(p, q) = moves ? zero : b;
    for (int i = 0; i < N; ++i)
      if (i != p && i != q) turn(s, tau, at(i, p), at(i, q));
    for (int i = 0; Vectors && i < N; ++i) turn(s, tau, v[i][p], v[i][q]);
  }
  /// Pairs without a common row after each other, which do not wait for each other.
  BS_INLINE void sweep() {
    if constexpr (N == 2) {
      rotate(0, 1);
    } else if constexpr (N == 3) {
      rotate(0, 1), rotate(0, 2), rotate(1, 2);
    } else {
      rotate(0, 1), rotate(2, 3);
      rotate(0, 2), rotate(1, 3);
      rotate(0, 3), rotate(1, 2);
    }
  }
  BS_INLINE Mask<R> beside() {
    Mask<R> some = Mask<R>{};
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < i; ++j) some |= vabs<R>(a[i][j]) > least;
    return some;
  }
  BS_INLINE void order(int i, int j) {
    const Mask<R> swap = a[i][i] > a[j][j];
    const auto exchange = [&](Vec<R>& x, Vec<R>& y) {
      const Vec<R> before = x;
      x = swap ? y : x;
      y = swap ? before : y;
    };
    exchange(a[i][i], a[j][j]);
    for (int k = 0; Vectors && k < N; ++k) exchange(v[k][i], v[k][j]);
  }
  /// Values in order on the diagonal, vectors in columns. Returns which lanes have come to an end.
  BS_INLINE Mask<R> run() {
    for (int i = 0; Vectors && i < N; ++i)
      for (int j = 0; j < N; ++j) v[i][j] = splat<R>(i == j);
    Vec<R> sum = Vec<R>{};
    for (int i = 0; i < N; ++i)
      for (int j = 0; j <= i; ++j) sum += a[i][j] * a[i][j] * R(i == j ? 1 : 2);
    least = vsqrt<R>(sum) * R((sizeof(R) == 8 ? __DBL_EPSILON__ : static_cast<double>(__FLT_EPSILON__)) / 4);
    Mask<R> left = beside();
    for (int count = 0; count < 12 && any<R>(left); ++count) {
      sweep();
      left = beside();
    }
    for (int end = N - 1; end > 0; --end)
      for (int i = 0; i < end; ++i) order(i, i + 1);
    return ~left;
  }
};

}  // namespace backsolve::BS_ISA
