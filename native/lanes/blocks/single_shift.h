// Single shift QR sweeps over W complex Hessenberg matrices side by side, as LAPACK's zlahqr, by rotations G = (c, s; -conj(s), c), c real.
// Which lanes they are the identity of: francis.h.
#pragma once
#include "../vector/complex_math.h"
#include "windows.h"

namespace backsolve::BS_ISA {

template <class R>
struct SingleShift {
  using L = ComplexLanes<R>;
  using E = typename L::Element;
  struct Rotation {
    Vec<R> c;
    E s;
    BS_INLINE static E times(E x, Vec<R> c) { return {rounded<R>(x.re * c), rounded<R>(x.im * c)}; }
    /// (x, y) := G (x, y); of the conjugate of G where Conj.
    template <bool Conj>
    BS_INLINE void apply(E& x, E& y) const {
      const E minus = L::negate(s), p = times(x, c), q = times(y, c);
      const E top = Conj ? L::minus_conj(p, y, minus) : L::minus(p, minus, y);
      y = Conj ? L::minus(q, s, x) : L::minus_conj(q, x, s);
      x = top;
    }
  };

  Strided<L> h, z;  // row-major
  bool whole;       // T and Z are wanted, not the eigenvalues alone

  BS_INLINE static E sum(E x, E y) { return {x.re + y.re, x.im + y.im}; }
  BS_INLINE static E difference(E x, E y) { return {x.re - y.re, x.im - y.im}; }

  /// The first column of H - σ: σ the eigenvalue of the window's last block of two that is nearer to its last element (Wilkinson).
  BS_INLINE void start(const Windows<L>& at, E (&x)[2]) const {
    const Vec<R> zero = Vec<R>{};
    const Mask<R> on = at.high >= 0, i = on ? at.high : splat_index<R>(1), l = on ? at.low : Mask<R>{};
    const E a = at.at(i - 1, i - 1), d = at.at(i, i), bc = L::mul(at.at(i - 1, i), at.at(i, i - 1));
    const E h00 = at.at(l, l), h10 = at.at(l + 1, l), half = L::scale(difference(a, d), splat<R>(R(0.5)));
    const E square = L::minus(bc, L::negate(half), half);
    const Cx<R> up = cx_sqrt<R>({square.re + zero, square.im + zero});  // on the cut a zero's sign would choose
    const Mask<R> other = half.re * up.re + rounded<R>(half.im * up.im) < zero;
    E root{other ? -up.re : up.re, other ? -up.im : up.im};
    root = sum(half, root);
    const Mask<R> none = L::is_zero(root);
    E shift = difference(d, L::pick(none, L::from_re(zero), L::mul(bc, L::inverse(L::pick(none, L::from_re(splat<R>(1)), root)))));
    if (any<R>(at.tries >= 10)) {
      const Mask<R> which = at.exceptions();
      const Vec<R> s = R(0.75) * (which == 1 ? L::size1(h10) : L::size1(at.at(i, i - 1)));
      shift = L::pick(which == 0, shift, L::plus_re(L::pick(which == 1, h00, d), s));
    }
    x[0] = difference(h00, shift);
    x[1] = h10;
    const Vec<R> most = L::size1(x[0]) + L::size1(x[1]), inverse = splat<R>(1) / (most == zero ? splat<R>(1) : most);
    for (E& e : x) e = L::scale(e, inverse);
  }

  /// The rotation of rows k and k + 1 and what it leaves of column k - 1; the identity where they are not in the window.
  BS_INLINE Rotation rotation(const Windows<L>& at, Index k, const E (&x)[2]) const {
    const E zero = L::from_re(Vec<R>{});
    const bool inside = k > 0;
    const Mask<R> here = splat_index<R>(k), active = (at.low <= here) & (here < at.high), first = at.low == here;
    const E old = inside ? h.get(k, k - 1) : zero, f = L::pick(first, x[0], old);
    const E g = L::pick(first, x[1], inside ? h.get(k + 1, k - 1) : zero), head = trusted<L>(f);
    const Vec<R> rest = square<L>(g), size = magnitude<L>(head);
    const Mask<R> none = ~active | ~(rest >= kTinySquare<R>);
    const Vec<R> one = splat<R>(1), norm = none ? one : vsqrt<R>(size * size + rest);
    const Mask<R> nought = size == Vec<R>{};
    const E unit = L::pick(nought, L::from_re(one), head);  // s = f conj(g) / (|f| norm) with as few roundings as there can be
    const Vec<R> length = nought ? one : size, inverse = one / (length * norm);
    Rotation r;
    r.c = none ? one : size / norm;
    r.s = L::pick(none, zero, L::scale(L::minus_conj(zero, L::negate(unit), g), inverse));
    if (inside) {
      h.set(k, k - 1, L::pick(none | first, old, L::scale(unit, norm / length)));
      h.set(k + 1, k - 1, zero);
    }
    return r;
  }

  BS_INLINE void left(const Rotation& r, Index k, Index from, Index to) const {
    for (Index j = from; j < to; ++j) {
      E x = h.get(k, j), y = h.get(k + 1, j);
      r.template apply<false>(x, y);
      h.set(k, j, x);
      h.set(k + 1, j, y);
    }
  }
  BS_INLINE void right(const Rotation& r, Strided<L> m, Index k, Index from, Index to) const {
    for (Index i = from; i < to; ++i) {
      E x = m.get(i, k), y = m.get(i, k + 1);
      r.template apply<true>(x, y);
      m.set(i, k, x);
      m.set(i, k + 1, y);
    }
  }

  __attribute__((noinline)) void sweep(const Windows<L>& at) const {
    const Index n = h.rows, row = whole ? 0 : at.first, column = whole ? n : at.last + 1;
    E x[2];
    start(at, x);
    Rotation now, next = {};
    for (Index k = at.first - 1; k < at.last; ++k) {  // contracted alike wherever it stands: francis.h
      const bool begun = k >= at.first;
      const Index near = k + 2 < column ? k + 2 : column, deep = k + 3 < n ? k + 3 : n;
      if (begun) left(next, k, k, near), right(next, h, k, k + 1, deep);
      now = next;
      if (k + 1 < at.last) next = rotation(at, k + 1, x);
      if (begun) left(now, k, near, column), right(now, h, k, row, k + 1);
      if (begun && whole) right(now, z, k, 0, n);
    }
  }
  /// The eigenvalues are T's diagonal.
  BS_INLINE void finish(R*, R*) const {}
};

}  // namespace backsolve::BS_ISA
