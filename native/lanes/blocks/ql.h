// Eigenvalues and vectors of W real symmetric tridiagonal matrices side by side by QL iterations.
//
// Every lane has a position and a shift of its own. A sweep runs over all that some lane needs; where an element beside the diagonal is
// zero, and so everywhere above a lane's position, it is the identity and starts anew. An element that becomes no larger than ε ‖T‖ is set
// to zero. No lane's numbers depend on its neighbours.
#pragma once
#include "tridiagonal.h"

namespace backsolve::BS_ISA {

/// The first element beside the diagonal that is not zero, in each lane, and what stands around it.
template <class R>
struct Front {
  Mask<R> at;
  Vec<R> d, next, e, shift;

  BS_INLINE explicit Front(Index n) : at(splat_index<R>(n - 1)), d{}, next{}, e{}, shift{} {}
  BS_INLINE void meet(Index i, Vec<R> e_i, Vec<R> d_i, Vec<R> d_next, Vec<R> shift_i) {
    const Mask<R> here = e_i != Vec<R>{};
    at = here ? splat_index<R>(i) : at;
    d = here ? d_i : d;
    next = here ? d_next : next;
    e = here ? e_i : e;
    shift = here ? shift_i : shift;
  }
  BS_INLINE Index lowest(Index n) const {
    Index low = n - 1;
    for (int w = 0; w < W<R>; ++w) low = at[w] < low ? static_cast<Index>(at[w]) : low;
    return low;
  }
  /// The eigenvalue of the leading 2 x 2 matrix that is nearer to its first element (Wilkinson).
  BS_INLINE Vec<R> wilkinson(Vec<R> e_abs) const {
    const Mask<R> none = e_abs == Vec<R>{};
    const Vec<R> b = none ? splat<R>(1) : e_abs, g = (next - d) / (b + b);
    return none ? d : d - b / (g + vcopysign<R>(vsqrt<R>(g * g + splat<R>(1)), g));
  }
};

/// ‖T‖, about: the largest sum of a row.
template <class R>
BS_INLINE Vec<R> tridiagonal_norm(Index n, const R* d, const R* e) {
  Vec<R> most = Vec<R>{}, before = Vec<R>{};
  for (Index i = 0; i < n; ++i) {
    const Vec<R> beside = vabs<R>(load<R>(e + i * W<R>)), sum = vabs<R>(load<R>(d + i * W<R>)) + beside + before;
    before = beside;
    most = sum > most ? sum : most;
  }
  return most;
}

/// Root-free QL (Pal, Walker and Kahan; Parlett 1998, section 8.15), one sweep over squares e2 of the elements beside the diagonal.
template <class R>
struct RootFree {
  Index n;
  R *d, *e2;
  Vec<R> least;  // squares up to this are zero

  BS_INLINE void sweep(Index low, Vec<R> sigma, Front<R>& front) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    Vec<R> c = one, s = zero, above = zero, dn = load<R>(d + (n - 1) * W<R>), gamma = dn - sigma, p = gamma * gamma;
    Mask<R> started = ~Mask<R>{};
    for (Index i = n - 2; i >= low; --i) {
      const Vec<R> bb = load<R>(e2 + i * W<R>), alpha = load<R>(d + i * W<R>), r = p + bb;
      const Mask<R> none = bb == zero;
      const Vec<R> inverse = one / (none ? one : r), before = c, was = gamma;
      const Vec<R> up = r / p;  // 1 / c
      const Vec<R> kept = kept_square(started, s * r);
      c = none ? one : p * inverse;
      s = none ? zero : bb * inverse;
      gamma = none ? alpha - sigma : c * (alpha - sigma) - s * was;
      const Vec<R> moved = was + (alpha - gamma), ended = started ? dn : was + sigma, d_new = none ? ended : moved;
      const Vec<R> square = gamma * gamma;
      p = none ? square : (p < Ieee<R>::min_normal ? before * bb : square * up);
      store<R>(e2 + (i + 1) * W<R>, kept);
      store<R>(d + (i + 1) * W<R>, d_new);
      front.meet(i + 1, kept, d_new, above, zero);
      above = d_new;
      dn = alpha;
      started = none;
    }
    const Vec<R> kept = kept_square(started, s * p), d_new = started ? dn : sigma + gamma;
    store<R>(e2 + low * W<R>, kept);
    store<R>(d + low * W<R>, d_new);
    front.meet(low, kept, d_new, above, zero);
  }
  BS_INLINE Vec<R> kept_square(Mask<R> started, Vec<R> x) const { return (started | (x <= least)) ? Vec<R>{} : x; }

  /// d becomes the eigenvalues, in any order. Returns which lanes have come to an end.
  __attribute__((noinline)) Mask<R> run() const {
    Front<R> front(n);
    Vec<R> above = Vec<R>{};
    for (Index i = n - 1; i >= 0; --i) {
      const Vec<R> x = load<R>(e2 + i * W<R>), kept = kept_square(Mask<R>{}, x * x), here = load<R>(d + i * W<R>);
      store<R>(e2 + i * W<R>, kept);
      front.meet(i, kept, here, above, Vec<R>{});
      above = here;
    }
    const Mask<R> end = splat_index<R>(n - 1);
    for (Index count = 0; count < 30 * n && any<R>(front.at != end); ++count) {
      const Vec<R> shift = front.wilkinson(vsqrt<R>(front.e));
      const Index low = front.lowest(n);
      front = Front<R>(n);
      sweep(low, shift, front);
    }
    return front.at == end;
  }
};

/// Implicit QL with vectors: rotations of columns i, i + 1 of Z as t = -s/(1+c) and s.
template <class R>
struct Implicit {
  Index n;
  R *d, *e;
  const R* shifts;  // eigenvalues to be taken as shifts first, or null
  Vec<R> least;
  R* z;
  Index rows, row, planes;  // of Z; a row's and an element's length in vectors
  R* rotations;             // two sweeps, n pairs each

  BS_INLINE R* rotation(int which, Index i) const { return rotations + ((which * n + i) * 2) * W<R>; }
  BS_INLINE Vec<R> kept_element(Mask<R> started, Vec<R> x) const { return (started | (vabs<R>(x) <= least)) ? Vec<R>{} : x; }

  BS_INLINE void sweep(int which, Index low, Vec<R> shift, Front<R>& front) const {
    const Vec<R> zero = Vec<R>{}, one = splat<R>(1);
    Vec<R> c = one, s = one, p = zero, above = zero, dn = load<R>(d + (n - 1) * W<R>), g = dn - shift;
    Mask<R> started = ~Mask<R>{};
    for (Index i = n - 2; i >= low; --i) {
      const Vec<R> here = load<R>(e + i * W<R>), di = load<R>(d + i * W<R>), f = s * here, b = c * here, square = f * f + g * g;
      const Mask<R> small = ~(square >= kTinySquare<R>), none = here == zero;
      const Vec<R> r = small ? g : vcopysign<R>(vsqrt<R>(square), g), inverse = one / (small ? one : r);
      const Vec<R> cn = small ? one : g * inverse, sn = small ? zero : f * inverse;
      store<R>(rotation(which, i), small ? zero : -f / (small ? one : r + g));
      store<R>(rotation(which, i) + W<R>, sn);
      const Vec<R> kept = kept_element(started, r), rest = dn - p, q = (di - rest) * sn + (cn + cn) * b;
      p = none ? zero : sn * q;
      const Vec<R> d_new = rest + p;
      g = none ? di - shift : cn * q - b;
      c = none ? one : cn;
      s = none ? one : sn;
      store<R>(e + (i + 1) * W<R>, kept);
      store<R>(d + (i + 1) * W<R>, d_new);
      front.meet(i + 1, kept, d_new, above, shifts != nullptr ? load<R>(shifts + (i + 1) * W<R>) : zero);
      above = d_new;
      dn = di;
      started = none;
    }
    const Vec<R> kept = kept_element(started, g), d_new = dn - p;
    store<R>(e + low * W<R>, kept);
    store<R>(d + low * W<R>, d_new);
    front.meet(low, kept, d_new, above, shifts != nullptr ? load<R>(shifts + low * W<R>) : zero);
  }

  /// (x, y) := (c x - s y, s x + c y) in three shears, which keep more of the orthogonality than four products.
  BS_INLINE static void rotate(Vec<R> t, Vec<R> s, Vec<R>& x, Vec<R>& y) {
    x += t * y;
    y += s * x;
    x += t * y;
  }
  /// Both sweeps over P rows in one pass, from the last column on.
  template <int P>
  BS_INLINE void apply(R* first, Index low) const {
    Vec<R> run[P], second[P];
    R* at[P];
    for (int p = 0; p < P; ++p) at[p] = first + p * row * W<R>;
    for (int p = 0; p < P; ++p) {
      Vec<R> x = load<R>(at[p] + (n - 2) * planes * W<R>), y = load<R>(at[p] + (n - 1) * planes * W<R>);
      rotate(load<R>(rotation(0, n - 2)), load<R>(rotation(0, n - 2) + W<R>), x, y);
      run[p] = x, second[p] = y;
    }
    for (Index i = n - 3; i >= low; --i) {
      const Vec<R> t0 = load<R>(rotation(0, i)), s0 = load<R>(rotation(0, i) + W<R>);
      const Vec<R> t1 = load<R>(rotation(1, i + 1)), s1 = load<R>(rotation(1, i + 1) + W<R>);
      for (int p = 0; p < P; ++p) {
        Vec<R> x = load<R>(at[p] + i * planes * W<R>), y = run[p];
        rotate(t0, s0, x, y);
        run[p] = x;
        rotate(t1, s1, y, second[p]);
        store<R>(at[p] + (i + 2) * planes * W<R>, second[p]);
        second[p] = y;
      }
    }
    const Index last = low < n - 2 ? low : n - 2;
    for (int p = 0; p < P; ++p) {
      rotate(load<R>(rotation(1, last)), load<R>(rotation(1, last) + W<R>), run[p], second[p]);
      store<R>(at[p] + last * planes * W<R>, run[p]);
      store<R>(at[p] + (last + 1) * planes * W<R>, second[p]);
    }
  }
  __attribute__((noinline)) void apply_all(Index low) const {
    for (Index plane = 0; plane < planes; ++plane) {
      R* const first = z + plane * W<R>;
      Index i = 0;
      for (; i + 4 <= rows; i += 4) apply<4>(first + i * row * W<R>, low);
      if (i + 2 <= rows) apply<2>(first + i * row * W<R>, low), i += 2;
      if (i < rows) apply<1>(first + i * row * W<R>, low);
    }
  }
  BS_INLINE void identity(int which, Index from, Index to) const {
    for (Index i = from; i < to; ++i) store<R>(rotation(which, i), Vec<R>{}), store<R>(rotation(which, i) + W<R>, Vec<R>{});
  }

  /// d becomes the eigenvalues in any order, Z := Z times the vectors. Returns which lanes have come to an end.
  __attribute__((noinline)) Mask<R> run() const {
    Front<R> front(n);
    Vec<R> above = Vec<R>{};
    for (Index i = n - 1; i >= 0; --i) {
      const Vec<R> kept = kept_element(Mask<R>{}, load<R>(e + i * W<R>)), here = load<R>(d + i * W<R>);
      store<R>(e + i * W<R>, kept);
      front.meet(i, kept, here, above, shifts != nullptr ? load<R>(shifts + i * W<R>) : Vec<R>{});
      above = here;
    }
    const Mask<R> end = splat_index<R>(n - 1);
    Mask<R> tried = Mask<R>{} - 1;  // the position whose shift from outside was used
    Index waiting = -1;             // where the sweep that is not applied yet ended
    for (Index count = 0; count < 30 * n && any<R>(front.at != end); ++count) {
      const Vec<R> b = front.e;
      Vec<R> shift = front.wilkinson(vabs<R>(b));
      if (shifts != nullptr) {
        shift = front.at != tried ? front.shift : shift;
        tried = front.at;
      }
      const Index low = front.lowest(n);
      front = Front<R>(n);
      const int which = waiting >= 0;
      sweep(which, low, shift, front);
      if (which == 0) {
        waiting = low;
        continue;
      }
      identity(1, waiting, low);
      apply_all(waiting);
      waiting = -1;
    }
    if (waiting >= 0) {
      identity(1, waiting, n - 1);
      apply_all(waiting);
    }
    return front.at == end;
  }
};

}  // namespace backsolve::BS_ISA
