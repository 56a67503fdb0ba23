// Double shift QR sweeps (Francis 1961; Golub & Van Loan 2013, section 7.5) over W real Hessenberg matrices side by side, as LAPACK's
// dlahqr.
//
// A sweep runs over the rows that are in some lane's window; elsewhere its reflections are the identity, so that no lane's numbers depend
// on its neighbours. A reflection I - τ v vᵀ, v = (1, v1, v2), is known before the one before it has been applied to all rows and columns.
// Signs of zeros, which identities change, decide nothing.
#pragma once
#include "windows.h"

namespace backsolve::BS_ISA {

template <class R>
struct Francis {
  using L = RealLanes<R>;
  struct Reflection {
    Vec<R> v1, v2, t0, t1, t2;
    BS_INLINE void apply(Vec<R>& x, Vec<R>& y, Vec<R>& z) const {
      const Vec<R> s = v2 * z + (v1 * y + x);
      x -= s * t0;
      y -= s * t1;
      z -= s * t2;
    }
    BS_INLINE void apply(Vec<R>& x, Vec<R>& y) const {
      const Vec<R> s = v1 * y + x;
      x -= s * t0;
      y -= s * t1;
    }
  };

  Strided<L> h, z;  // row-major
  bool whole;       // T and Z are wanted, not the eigenvalues alone

  /// Two shifts of a lane: a pair, or the same one twice, the eigenvalue that is nearer to the window's last element.
  struct Shifts {
    Vec<R> re, im;
  };
  BS_INLINE Shifts shifts(const Windows<L>& at) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    const Mask<R> on = at.high >= 0, i = on ? at.high : splat_index<R>(2), l = on ? at.low : Mask<R>{};
    Vec<R> a = at.at(i - 1, i - 1), b = at.at(i - 1, i), c = at.at(i, i - 1), d = at.at(i, i);
    if (any<R>(at.tries >= 10)) {
      const Mask<R> which = at.exceptions(), odd = which != 0;
      const Vec<R> top = vabs<R>(at.at(l + 1, l)) + vabs<R>(at.at(l + 2, l + 1)), end = vabs<R>(c) + vabs<R>(at.at(i - 1, i - 2));
      const Vec<R> s = which == 1 ? top : end, middle = R(0.75) * s + (which == 1 ? at.at(l, l) : d);
      a = odd ? middle : a;
      b = odd ? R(-0.4375) * s : b;
      c = odd ? s : c;
      d = odd ? middle : d;
    }
    const Vec<R> sum = vabs<R>(a) + vabs<R>(b) + (vabs<R>(c) + vabs<R>(d)), unit = sum == zero ? one : sum;
    a /= unit, b /= unit, c /= unit, d /= unit;
    const Vec<R> mean = (a + d) * R(0.5), half = (a - d) * R(0.5), square = half * half + b * c, root = vsqrt<R>(vabs<R>(square));
    const Vec<R> up = mean + root, down = mean - root, near = vabs<R>(up - d) <= vabs<R>(down - d) ? up : down;
    const Mask<R> pair = square <= zero;
    return {(pair ? mean : near) * unit, pair ? root * unit : zero};
  }
  /// The first column of (H - s₁)(H - s₂), of the sum of magnitudes 1: of the block that begins with h00, h01; h10, h11 and h21 below.
  struct Column {
    Vec<R> x, y, z;
    BS_INLINE Column(const Shifts& s, Vec<R> h00, Vec<R> h01, Vec<R> h10, Vec<R> h11, Vec<R> h21) {
      const Vec<R> away = h00 - s.re, scale = vabs<R>(away) + (s.im + vabs<R>(h10)), over = splat<R>(1) / positive(scale);
      const Vec<R> below = h10 * over;
      x = below * h01 + (away * (away * over) + s.im * (s.im * over));
      y = below * (h00 + h11 - (s.re + s.re));
      z = below * h21;
      const Vec<R> inverse = splat<R>(1) / positive(vabs<R>(x) + (vabs<R>(y) + vabs<R>(z)));
      x *= inverse, y *= inverse, z *= inverse;
    }
    BS_INLINE static Vec<R> positive(Vec<R> x) { return x == Vec<R>{} ? splat<R>(1) : x; }
    BS_INLINE Vec<R> beside() const { return vabs<R>(y) + vabs<R>(z); }
  };
  /// Where the sweeps begin, and with what.
  struct Start {
    Mask<R> row;
    Column x;
  };
  __attribute__((noinline)) Start start(const Windows<L>& at) const {
    const Shifts s = shifts(at);
    const Mask<R> l = at.high >= 0 ? at.low : Mask<R>{};
    Start from{at.low, {s, at.at(l, l), at.at(l, l + 1), at.at(l + 1, l), at.at(l + 1, l + 1), at.at(l + 2, l + 1)}};
    const Mask<R> still = (at.high >= 0) & (from.x.beside() <= kEpsilon<R> * vabs<R>(from.x.x));
    if (any<R>(still)) lower(at, s, still, from);
    return from;
  }
  /// Lanes whose first reflection is next to none begin where two elements below the diagonal together are nothing, as LAPACK's do, or else
  /// at the top: the shifts would be lost on the way.
  BS_INLINE void lower(const Windows<L>& at, const Shifts& s, Mask<R> still, Start& from) const {
    for (Index m = at.last - 2; m > at.first; --m) {
      const Mask<R> here = splat_index<R>(m);
      const Column c(s, h.get(m, m), h.get(m, m + 1), h.get(m + 1, m), h.get(m + 1, m + 1), h.get(m + 2, m + 1));
      const Vec<R> most =
          kEpsilon<R> * vabs<R>(c.x) * (vabs<R>(h.get(m - 1, m - 1)) + (vabs<R>(h.get(m, m)) + vabs<R>(h.get(m + 1, m + 1))));
      const Mask<R> take = still & (at.low < here) & (here + 2 <= at.high) & (vabs<R>(h.get(m, m - 1)) * c.beside() <= most);
      from.row = take ? here : from.row;
      from.x.x = take ? c.x : from.x.x;
      from.x.y = take ? c.y : from.x.y;
      from.x.z = take ? c.z : from.x.z;
      still &= ~take;
    }
  }

  /// The reflection of rows k to k + 2 and what it leaves of column k - 1; the identity where they are not in the window.
  BS_INLINE Reflection reflection(const Windows<L>& at, Index k, const Start& from) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    const bool inside = k > 0, third = k + 2 < h.rows;
    const Mask<R> here = splat_index<R>(k), active = (from.row <= here) & (here < at.high), first = from.row == here;
    const Vec<R> old = inside ? h.get(k, k - 1) : zero;
    const Vec<R> a = first ? from.x.x : old, b = first ? from.x.y : (inside ? h.get(k + 1, k - 1) : zero);
    const Vec<R> c = here + 2 <= at.high ? (first ? from.x.z : (inside && third ? h.get(k + 2, k - 1) : zero)) : zero;
    const Vec<R> rest = b * b + rounded<R>(c * c);
    const Mask<R> none = ~active | ~(rest >= kTinySquare<R>);
    const Vec<R> norm = none ? one : vsqrt<R>(a * a + rest), head = none ? one : vabs<R>(a) + norm;  // |a - β|, β = -sgn(a) norm
    const Vec<R> over = none ? zero : one / head, slope = a < zero ? -over : over;
    Reflection r;
    r.v1 = b * slope;
    r.v2 = c * slope;
    r.t0 = none ? zero : head / norm;
    r.t1 = r.t0 * r.v1;
    r.t2 = r.t0 * r.v2;
    if (inside) {
      h.set(k, k - 1, none ? old : (first ? old - old * r.t0 : (a < zero ? norm : -norm)));
      h.set(k + 1, k - 1, zero);
      if (third) h.set(k + 2, k - 1, zero);
    }
    return r;
  }

  /// Rows k to k + 2 in columns from `from` up to `to`.
  BS_INLINE void left(const Reflection& r, Index k, Index from, Index to) const {
    const Index step = h.row * W<R>;
    R* p = h.at(k, from);
    for (Index j = from; j < to; ++j, p += W<R>) {
      Vec<R> x = load<R>(p), y = load<R>(p + step);
      if (k + 2 < h.rows) {
        Vec<R> u = load<R>(p + 2 * step);
        r.apply(x, y, u);
        store<R>(p + 2 * step, u);
      } else {
        r.apply(x, y);
      }
      store<R>(p, x);
      store<R>(p + step, y);
    }
  }
  /// Columns k to k + 2 of m in rows from `from` up to `to`.
  BS_INLINE void right(const Reflection& r, Strided<L> m, Index k, Index from, Index to) const {
    const Index step = m.row * W<R>;
    R* p = m.at(from, k);
    for (Index i = from; i < to; ++i, p += step) {
      Vec<R> x = load<R>(p), y = load<R>(p + W<R>);
      if (k + 2 < m.cols) {
        Vec<R> u = load<R>(p + 2 * W<R>);
        r.apply(x, y, u);
        store<R>(p + 2 * W<R>, u);
      } else {
        r.apply(x, y);
      }
      store<R>(p, x);
      store<R>(p + W<R>, y);
    }
  }

  __attribute__((noinline)) void sweep(const Windows<L>& at) const {
    const Index n = h.rows, row = whole ? 0 : at.first, column = whole ? n : at.last + 1;
    const Start from = start(at);
    Reflection now, next = {};
    // Which copy of this the compiler makes is run depends on the neighbours: no sum of two products here that it could contract in two
    // ways.
    for (Index k = at.first - 1; k < at.last; ++k) {
      const bool begun = k >= at.first;
      const Index near = k + 3 < column ? k + 3 : column, deep = k + 4 < n ? k + 4 : n;
      if (begun) left(next, k, k, near), right(next, h, k, k + 1, deep);
      now = next;
      if (k + 1 < at.last) next = reflection(at, k + 1, from);
      if (begun) left(now, k, near, column), right(now, h, k, row, k + 1);
      if (begun && whole) right(now, z, k, 0, n);
    }
  }

  /// A block of two of W matrices in standard form, as LAPACK's dlanv2: (a, b; c, d) := Gᵀ (a, b; c, d) G, G = (cs, -sn; sn, cs), c = 0, or
  /// a = d and b c < 0.
  struct Standard {
    Vec<R> a, b, c, d, cs, sn;

    BS_INLINE static Vec<R> sign(Vec<R> x) { return x < Vec<R>{} ? splat<R>(-1) : splat<R>(1); }
    BS_INLINE static Vec<R> larger(Vec<R> x, Vec<R> y) { return x > y ? x : y; }
    BS_INLINE static Vec<R> length(Vec<R> x, Vec<R> y) {
      const Vec<R> top = larger(vabs<R>(x), vabs<R>(y)), unit = top == Vec<R>{} ? splat<R>(1) : top, p = x / unit, q = y / unit;
      return unit * vsqrt<R>(p * p + q * q);
    }
    BS_INLINE static Vec<R> safe(Mask<R> good, Vec<R> x) { return good ? x : splat<R>(1); }
    BS_INLINE static Standard pick(Mask<R> m, const Standard& x, const Standard& y) {
      return {m ? x.a : y.a, m ? x.b : y.b, m ? x.c : y.c, m ? x.d : y.d, m ? x.cs : y.cs, m ? x.sn : y.sn};
    }

    /// Real eigenvalues well apart.
    BS_INLINE Standard apart(Vec<R> p, Vec<R> scale, Vec<R> z, Vec<R> most, Vec<R> least) const {
      const Vec<R> far = p + sign(p) * vsqrt<R>(scale) * vsqrt<R>(vabs<R>(z)), top = d + far;
      const Vec<R> tau = length(c, far), unit = safe(tau != Vec<R>{}, tau);
      return {top, b - c, Vec<R>{}, d - most / safe(far != Vec<R>{}, far) * least, far / unit, c / unit};
    }
    /// Complex eigenvalues, or real ones almost equal: the diagonal is made equal.
    BS_INLINE Standard level() const {
      const Vec<R> zero = Vec<R>{}, one = splat<R>(1), sigma = b + c, temp = a - d, tau = length(sigma, temp);
      const Vec<R> unit = safe(tau != zero, tau), c1 = vsqrt<R>(R(0.5) * (one + vabs<R>(sigma) / unit));
      const Vec<R> s1 = -(R(0.5) * temp / (unit * c1)) * sign(sigma);
      const Vec<R> aa = a * c1 + b * s1, bb = b * c1 - a * s1, cc = c * c1 + d * s1, dd = d * c1 - c * s1;
      const Vec<R> mean = R(0.5) * ((aa * c1 + cc * s1) + (dd * c1 - bb * s1));
      return {mean, bb * c1 + dd * s1, cc * c1 - aa * s1, mean, c1, s1};
    }
    /// Of an equal diagonal with b c > 0: its eigenvalues are real.
    BS_INLINE Standard parted() const {
      const Vec<R> zero = Vec<R>{}, sab = vsqrt<R>(vabs<R>(b)), sac = vsqrt<R>(vabs<R>(c)), p = sign(c) * sab * sac;
      const Vec<R> both = vabs<R>(b + c), tau = splat<R>(1) / vsqrt<R>(safe(both != zero, both)), c1 = sab * tau, s1 = sac * tau;
      return {a + p, b - c, zero, a - p, cs * c1 - sn * s1, cs * s1 + sn * c1};
    }
    BS_INLINE Standard swapped() const { return {d, -c, Vec<R>{}, a, -sn, cs}; }

    BS_INLINE static Standard of(Vec<R> a, Vec<R> b, Vec<R> c, Vec<R> d) {
      const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
      const Standard given{a, b, c, d, one, zero};
      const Mask<R> split = c == zero, ready = (a == d) & (((b < zero) & (c > zero)) | ((b > zero) & (c < zero)));
      const Vec<R> p = R(0.5) * (a - d), sb = vabs<R>(b), sc = vabs<R>(c), most = larger(sb, sc);
      const Vec<R> least = (sb > sc ? sc : sb) * sign(b) * sign(c), scale = larger(vabs<R>(p), most), unit = safe(scale != zero, scale);
      const Vec<R> z = p / unit * p + most / unit * least;
      Standard s = given.level();
      s = pick((s.c != zero) & (s.b != zero) & ((s.b < zero) == (s.c < zero)), s.parted(), s);
      s = pick((s.c != zero) & (s.b == zero), s.swapped(), s);
      s = pick(z >= R(4) * kEpsilon<R>, given.apart(p, scale, z, most, least), s);
      s = pick(~split & (b == zero), given.swapped(), s);
      return pick(split | ready, given, s);
    }
  };

  /// Blocks of two in standard form, and the eigenvalues.
  __attribute__((noinline)) void finish(R* re, R* im) const {
    const Index n = h.rows;
    const Vec<R> zero = Vec<R>{};
    for (Index i = 0; i < n; ++i) store<R>(im + i * W<R>, zero);
    for (Index k = 0; k + 1 < n; ++k) {
      const Vec<R> c = h.get(k + 1, k);
      if (!any<R>(c != zero)) continue;
      const Standard s = Standard::of(h.get(k, k), h.get(k, k + 1), c, h.get(k + 1, k + 1));
      const Mask<R> here = c != zero;
      h.set(k, k, s.a);
      h.set(k, k + 1, s.b);
      h.set(k + 1, k, s.c);
      h.set(k + 1, k + 1, s.d);
      const Vec<R> size = vsqrt<R>(vabs<R>(s.b)) * vsqrt<R>(vabs<R>(s.c));
      store<R>(im + k * W<R>, here ? size : load<R>(im + k * W<R>));
      store<R>(im + (k + 1) * W<R>, here ? -size : zero);
      if (whole) rotate(s.cs, s.sn, k);
    }
    for (Index i = 0; i < n; ++i) {
      store<R>(re + i * W<R>, h.get(i, i) + zero);
      store<R>(im + i * W<R>, load<R>(im + i * W<R>) + zero);
    }
  }
  BS_INLINE void rotate(Vec<R> cs, Vec<R> sn, Index k) const {
    const auto turn = [&](R* p, R* q) {
      const Vec<R> x = load<R>(p), y = load<R>(q);
      store<R>(p, cs * x + rounded<R>(sn * y));
      store<R>(q, cs * y - rounded<R>(sn * x));
    };
    for (Index j = k + 2; j < h.rows; ++j) turn(h.at(k, j), h.at(k + 1, j));
    for (Index i = 0; i < k; ++i) turn(h.at(i, k), h.at(i, k + 1));
    for (Index i = 0; i < h.rows; ++i) turn(z.at(i, k), z.at(i, k + 1));
  }
};

}  // namespace backsolve::BS_ISA
