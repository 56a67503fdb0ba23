// Complex triangular forms of W matrices side by side. A real form A = Wᵀ L W keeps W real: each block of two of L is split by a rotation
// of its own, L' = G L Gᴴ, and what was computed with L' is turned back. docs/derivations/functions.md
#pragma once
#include "lower.h"
#include "qr.h"
#include "schur.h"

namespace backsolve::BS_ISA {

/// Rotations G of rows k and k + 1, [s ic; ic s] with s² + c² = 1; c is 0 where no block of two begins. They commute, as those of one lane
/// have no rows in common.
template <class R>
struct Pairs {
  using L = ComplexLanes<R>;
  using E = typename L::Element;
  Index n;
  R *s, *c, *im;  // im: the eigenvalues' imaginary parts
  Pairs(Arena& arena, Index order)
      : n(order), s(arena.take<R>(order * W<R>)), c(arena.take<R>(order * W<R>)), im(arena.take<R>(order * W<R>)) {}

  /// Of [a b; b' a], whose eigenvalues are a ± i√(-bb'): c²/s² = -b/b', so that what is above the diagonal becomes s² b + c² b' = 0.
  /// Returns √(-bb'), 0 where there is no block.
  BS_INLINE Vec<R> find(Index k, Vec<R> b, Vec<R> below) const {
    const Mask<R> pair = (b != Vec<R>{}) & (below != Vec<R>{});
    const Vec<R> p = vsqrt<R>(vabs<R>(b)), q = vsqrt<R>(vabs<R>(below)), by = vsqrt<R>(vabs<R>(b) + vabs<R>(below));
    store<R>(s + k * W<R>, pair ? q / by : splat<R>(1));
    store<R>(c + k * W<R>, pair ? vcopysign<R>(p / by, below) : Vec<R>{});
    return pair ? p * q : Vec<R>{};
  }
  /// M := G M, or Gᴴ M; of columns by the transpose: Mᵀ := G Mᵀ is M := M G.
  __attribute__((noinline)) void turn(bool back, const Strided<L>& m) const {
    for (Index k = 0; k + 1 < n; ++k) {
      Vec<R> sine = load<R>(c + k * W<R>);
      const Mask<R> pair = sine != Vec<R>{};  // other lanes stay as they are, the signs of zeros included, whatever their neighbours have
      if (!any<R>(pair)) continue;
      if (back) sine = -sine;
      const Vec<R> own = load<R>(s + k * W<R>);
      for (Index j = 0; j < m.cols; ++j) {
        const E p = m.get(k, j), q = m.get(k + 1, j);
        m.set(k, j, L::pick(pair, {own * p.re - sine * q.im, own * p.im + sine * q.re}, p));
        m.set(k + 1, j, L::pick(pair, {own * q.re - sine * p.im, own * q.im + sine * p.re}, q));
      }
    }
  }
};

template <class L>
BS_INLINE typename ComplexLanes<typename L::Real>::Element widen(typename L::Element x) {
  if constexpr (L::planes == 1)
    return {x, Vec<typename L::Real>{}};
  else
    return x;
}
template <class L>
BS_INLINE void widen_to(Strided<L> from, Strided<ComplexLanes<typename L::Real>> to) {
  for (Index i = 0; i < from.rows; ++i)
    for (Index j = 0; j < from.cols; ++j) to.set(i, j, widen<L>(from.get(i, j)));
}
/// Of real lanes the real part.
template <class L>
BS_INLINE void narrow_to(Strided<ComplexLanes<typename L::Real>> from, Strided<L> to) {
  for (Index i = 0; i < from.rows; ++i) {
    for (Index j = 0; j < from.cols; ++j) {
      if constexpr (L::planes == 1)
        to.set(i, j, from.get(i, j).re);
      else
        to.set(i, j, from.get(i, j));
    }
  }
}
/// TO, which may be L, := P Lᴴ P, P the identity with its rows reversed: of a lower triangle its adjoint as one.
template <class C>
__attribute__((noinline)) void flip_lower(const Strided<C>& l, const Strided<C>& to) {
  const Index n = l.rows;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i && i + j < n; ++j) {
      const auto p = l.get(i, j), q = l.get(n - 1 - j, n - 1 - i);
      to.set(i, j, C::conj(q));
      to.set(n - 1 - j, n - 1 - i, C::conj(p));
    }
  }
}

/// The lower triangular complex form of a lower (quasi-)triangular one, and what lies between the two.
template <class L>
struct Form {
  using R = typename L::Real;
  using C = ComplexLanes<R>;
  Index n;
  Strided<C> l;
  Pairs<R> pairs;
  Form(Arena& arena, Index order) : n(order), l(take_strided<C>(arena, order, order)), pairs(arena, L::planes == 1 ? order : 0) {}

  __attribute__((noinline)) void take(const Strided<L>& own) const {
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) l.set(i, j, j <= i + (L::planes == 1) ? widen<L>(own.get(i, j)) : C::from_re(Vec<R>{}));
    if constexpr (L::planes == 1) split();
  }
  /// TO := G FROM Gᴴ, with the rotations of another form for the columns.
  __attribute__((noinline)) void enter(const Strided<L>& from, const Form& of_columns, const Strided<C>& to) const {
    widen_to<L>(from, to);
    if constexpr (L::planes == 1) {
      pairs.turn(false, to);
      of_columns.pairs.turn(true, to.transposed());
    }
  }
  /// TO := Gᴴ FROM G.
  __attribute__((noinline)) void leave(const Strided<C>& from, const Form& of_columns, const Strided<L>& to) const {
    if constexpr (L::planes == 1) {
      pairs.turn(true, from);
      of_columns.pairs.turn(false, from.transposed());
    }
    narrow_to<L>(from, to);
  }
  /// TO := G W.
  BS_INLINE void vectors(Strided<L> w, Strided<C> to) const {
    widen_to<L>(w, to);
    if constexpr (L::planes == 1) pairs.turn(false, to);
  }

 private:
  BS_INLINE void split() const {
    const Vec<R> zero = Vec<R>{};
    Vec<R> before = zero;
    for (Index k = 0; k < n; ++k) {
      const Vec<R> height = k + 1 == n ? zero : pairs.find(k, l.get(k, k + 1).re, l.get(k + 1, k).re);
      store<R>(pairs.im + k * W<R>, height - before);
      before = height;
    }
    pairs.turn(false, l);
    pairs.turn(true, l.transposed());
    for (Index k = 0; k < n; ++k) {
      l.set(k, k, {l.get(k, k).re, load<R>(pairs.im + k * W<R>)});
      if (k + 1 < n) l.set(k, k + 1, {zero, zero});
    }
  }
};

/// A lower form A = Wᴴ L W of lanes, L in its place and W where the Schur vectors are.
template <class L>
struct LowerSchur {
  using R = typename L::Real;
  Schur<L> schur;
  Form<L> form;
  LowerSchur(Arena& arena, Index n) : schur(arena, n, true), form(arena, n) {}
  BS_INLINE Strided<L> l() const { return schur.t.transposed(); }
  BS_INLINE Strided<L> w() const { return schur.z.transposed(); }
  /// Which lanes have one; of Aᵀ = Z T Zᴴ, L = Tᵀ and W = Zᵀ.
  __attribute__((noinline)) Mask<R> run(const Strided<L>& a) const {
    schur.run(a.transposed());
    if (any<R>(schur.exponent != Mask<R>{})) {
      const Vec<R> back = power_of_two<R>(schur.exponent);
      for (Index i = 0; i < a.rows; ++i)
        for (Index j = 0; j < a.cols; ++j) schur.t.set(i, j, L::scale(schur.t.get(i, j), back));
    }
    form.take(l());
    return schur.done & schur.finite;
  }
};
template <class L>
BS_INLINE void copy_to(Strided<L> from, void* operand) {
  if (operand == nullptr) return;
  const auto to = strided<L>(operand, from.rows, from.cols);
  for (Index i = 0; i < from.rows; ++i)
    for (Index j = 0; j < from.cols; ++j) to.set(i, j, from.get(i, j));
}

template <class L>
BS_INLINE Mask<typename L::Real> hermitian_lanes(Strided<L> m) {
  using R = typename L::Real;
  Mask<R> so_far = ~Mask<R>{};
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j <= i; ++j) so_far &= L::is_zero(L::minus(m.get(i, j), L::conj(m.get(j, i)), L::from_re(splat<R>(1))));
  return so_far;
}
/// M := (M + Mᴴ)/2 in those lanes.
template <class L>
BS_INLINE void symmetrize(Strided<L> m, Mask<typename L::Real> lanes) {
  using R = typename L::Real;
  const auto one = L::from_re(splat<R>(1));
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto below = m.get(i, j), above = m.get(j, i);
      const auto x = L::scale(L::minus(below, L::negate(L::conj(above)), one), splat<R>(R(0.5)));
      m.set(i, j, L::pick(lanes, i == j ? L::from_re(L::re(x)) : x, below));
      if (i != j) m.set(j, i, L::pick(lanes, L::conj(x), above));
    }
  }
}

}  // namespace backsolve::BS_ISA
