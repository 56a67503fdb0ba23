// W matrices to Hessenberg form by Householder reflections, A = Q H Qᴴ, and the unitary matrix of these.
//
// H_k = I - u uᴴ, ‖u‖² = 2, maps x = A(k+1.., k) to β e₁, β = -sgn(x₁) ‖x‖: u = s (x - β e₁), s² = 1 / (‖x‖ (‖x‖ + |x₁|)), as in
// tridiagonal.h (Golub & Van Loan 2013, section 7.4.2). What stands below x₁ is dropped where its squares have no digits: next to ‖A‖, near
// 1, it is nothing.
#pragma once
#include "../../kernels/scaling.h"
#include "spectrum.h"

namespace backsolve::BS_ISA {

/// A is taken as it is while its largest part is within 2^±this: products of four such numbers have digits.
template <class R>
constexpr int kGeneralPower = sizeof(R) == 8 ? kModeratePower<R> : 8;

template <class L>
struct Hessenberg {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int B = L::block;  // rows or columns together

  Strided<L> a;  // A, becomes H: zero below the subdiagonal
  Strided<L> u;  // row k: u_k from column k + 1 on; without vectors one row for all
  Strided<L> w;  // a row

  Hessenberg(Arena& arena, Index n, bool vectors)
      : a(take_strided<L>(arena, n, n | 1)),  // odd: rows of a power of two of vectors meet in the same sets of the cache
        u(take_strided<L>(arena, vectors ? n : 1, n)),
        w(take_strided<L>(arena, 1, n)) {
    a.cols = n;
    if (!vectors) u.row = 0;
  }
  BS_INLINE Index n() const { return a.rows; }

  /// Of what is to be reduced: 2^-exponent A, zero in lanes that hold a NaN or infinity.
  __attribute__((noinline)) void place(Strided<L> from, Mask<R>& finite, Mask<R>& exponent) const {
    constexpr int kMost = static_cast<int>(Ieee<R>::bias) - 1;
    Mask<R> top = Mask<R>{};
    for (Index i = 0; i < n(); ++i)
      for (Index j = 0; j < n(); ++j) grow_parts<L>(top, from.get(i, j));
    Vec<R> most = reinterpret_cast<Vec<R>>(top);
    finite = is_finite<R>(most);
    most = finite ? most : Vec<R>{};
    Mask<R> e = Size<L>::exponent_in(most) - 1;
    e = e < kMost ? (e > -kMost ? e : splat_index<R>(-kMost)) : splat_index<R>(kMost);
    const Mask<R> moderate = (most == Vec<R>{}) | ((e <= kGeneralPower<R>)&(e >= -kGeneralPower<R>));
    exponent = moderate ? Mask<R>{} : e;
    const Vec<R> c = power_of_two<R>(-exponent);
    for (Index i = 0; i < n(); ++i)
      for (Index j = 0; j < n(); ++j) a.set(i, j, L::pick(finite, L::scale(from.get(i, j), c), L::from_re(Vec<R>{})));
  }

  /// The reflection of column k, and what becomes of the column; whether some lane has one.
  __attribute__((noinline)) bool reflect(Index k) const {
    const E zero = L::from_re(Vec<R>{}), head = a.get(k + 1, k);
    Vec<R> below = Vec<R>{};
    for (Index i = k + 2; i < n(); ++i) below += square<L>(a.get(i, k));
    const Mask<R> none = ~(below >= kTinySquare<R>);
    const E alpha = trusted<L>(head);
    const Vec<R> size = magnitude<L>(alpha), norm = vsqrt<R>(square<L>(alpha) + below);
    const E sign = sign_of<L>(alpha, size);
    const Vec<R> scale = none ? Vec<R>{} : splat<R>(1) / vsqrt<R>(none ? splat<R>(1) : norm * (norm + size));
    u.set(k, k + 1, L::scale(sign, (size + norm) * scale));
    for (Index i = k + 2; i < n(); ++i) {
      u.set(k, i, L::scale(a.get(i, k), scale));
      a.set(i, k, zero);
    }
    a.set(k + 1, k, L::pick(none, head, L::scale(sign, -norm)));
    return any<R>(~none);
  }

  /// w_j = u_kᴴ m(., j) for Q columns.
  template <int Q>
  BS_INLINE void dots(Strided<L> m, Index k, Index j) const {
    E sum[Q];
    for (int q = 0; q < Q; ++q) sum[q] = L::from_re(Vec<R>{});
    for (Index i = k + 1; i < n(); ++i) {
      const E x = u.get(k, i);
      for (int q = 0; q < Q; ++q) sum[q] = L::minus_conj(sum[q], m.get(i, j + q), x);
    }
    for (int q = 0; q < Q; ++q) w.set(0, j + q, L::negate(sum[q]));
  }
  __attribute__((noinline)) void all_dots(Strided<L> m, Index k) const {
    Index j = k + 1;
    BS_BLOCKS(j, n(), B, (dots<B>(m, k, j)), (dots<1>(m, k, j)))
  }

  /// Rows i to i + P of A: H_k from the left, by w, where they are among its rows, then from the right.
  template <int P, bool Left>
  BS_INLINE void rows(Index i, Index k) const {
    E ui[P], sum[P];
    for (int p = 0; p < P; ++p) {
      if (Left) ui[p] = u.get(k, i + p);
      sum[p] = L::from_re(Vec<R>{});
    }
    for (Index j = k + 1; j < n(); ++j) {
      E wj;
      if (Left) wj = w.get(0, j);
      const E uj = u.get(k, j);
      for (int p = 0; p < P; ++p) {
        E x = a.get(i + p, j);
        if (Left) {
          x = L::minus(x, ui[p], wj);
          a.set(i + p, j, x);
        }
        sum[p] = L::minus(sum[p], x, uj);
      }
    }
    for (int p = 0; p < P; ++p) sum[p] = L::negate(sum[p]);
    for (Index j = k + 1; j < n(); ++j) {
      const E uj = u.get(k, j);
      for (int p = 0; p < P; ++p) a.set(i + p, j, L::minus_conj(a.get(i + p, j), sum[p], uj));
    }
  }
  __attribute__((noinline)) void all_rows(Index k) const {
    Index i = 0;
    BS_BLOCKS(i, k + 1, B, (rows<B, false>(i, k)), (rows<1, false>(i, k)))
    BS_BLOCKS(i, n(), B, (rows<B, true>(i, k)), (rows<1, true>(i, k)))
  }
  __attribute__((noinline)) void reduce() const {
    for (Index k = 0; k + 2 < n(); ++k) {
      if (!reflect(k)) continue;
      all_dots(a, k);
      all_rows(k);
    }
  }

  /// Z = H_0 ... H_{n-3}.
  __attribute__((noinline)) void form(Strided<L> z) const {
    const E zero = L::from_re(Vec<R>{}), one = L::from_re(splat<R>(1));
    for (Index i = 0; i < n(); ++i)
      for (Index j = 0; j < n(); ++j) z.set(i, j, i == j ? one : zero);
    for (Index k = n() - 3; k >= 0; --k) {
      all_dots(z, k);
      for (Index i = k + 1; i < n(); ++i) {
        const E x = u.get(k, i);
        for (Index j = k + 1; j < n(); ++j) z.set(i, j, L::minus(z.get(i, j), x, w.get(0, j)));
      }
    }
  }
};

}  // namespace backsolve::BS_ISA
