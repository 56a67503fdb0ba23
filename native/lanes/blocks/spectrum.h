// The spectra of W Hermitian matrices side by side, for the kernels that need them. docs/derivations/eigh.md
#pragma once
#include "jacobi.h"
#include "ql.h"

namespace backsolve::BS_ISA {

constexpr Index kShiftsFirst = 16;  // from this order on eigenvalues are computed first, and used as shifts

/// The largest magnitude so far; bits of magnitudes are ordered as these are, NaN last.
template <class R>
BS_INLINE void grow(Mask<R>& most, Vec<R> x) {
  const Mask<R> size = reinterpret_cast<Mask<R>>(bits_of<R>(x) & ~Ieee<R>::sign);
  most = size > most ? size : most;
}
template <class L>
BS_INLINE void grow_parts(Mask<typename L::Real>& most, typename L::Element x) {
  using R = typename L::Real;
  if constexpr (L::planes == 1) {
    grow<R>(most, x);
  } else {
    grow<R>(most, x.re);
    grow<R>(most, x.im);
  }
}

/// 2^e, e within the exponents of normal numbers.
template <class R>
BS_INLINE Vec<R> power_of_two(Mask<R> e) {
  return from_bits<R>(reinterpret_cast<Bits<R>>(e + static_cast<int>(Ieee<R>::bias)) * Ieee<R>::unit);
}

/// What spectrum_exponent of native/kernels/eigen.h says of a lower triangle. `exact` where the power of that exponent and its inverse are
/// numbers, and with a diagonal matrix only where it is 0; other lanes have one that is as good for eigenvalues of not quite all digits.
template <class L>
struct Size {
  using R = typename L::Real;
  Mask<R> finite, diagonal, exact, exponent;

  BS_INLINE static Mask<R> exponent_in(Vec<R> x) {
    return reinterpret_cast<Mask<R>>(exponent_of<R>(x) / Ieee<R>::unit) - (static_cast<int>(Ieee<R>::bias) - 1);
  }
  BS_INLINE static Mask<R> moderate(Mask<R> e) {
    constexpr int kModerate = (static_cast<int>(Ieee<R>::bias) + 1) / 8;
    return (e <= kModerate) & (e >= -kModerate);
  }
  __attribute__((noinline)) static Size of(Strided<L> a) {
    constexpr int kBias = static_cast<int>(Ieee<R>::bias);
    Mask<R> on = Mask<R>{}, beside = Mask<R>{};
    Vec<R> least = splat<R>(Ieee<R>::inf);
    for (Index i = 0; i < a.rows; ++i) {
      for (Index j = 0; j < i; ++j) grow_parts<L>(beside, a.get(i, j));
      const Vec<R> d = vabs<R>(L::re(a.get(i, i)));
      grow<R>(on, d);
      least = ((d < least) & (d > Vec<R>{})) ? d : least;
    }
    Size s;
    Vec<R> most = reinterpret_cast<Vec<R>>(on > beside ? on : beside);
    s.finite = is_finite<R>(most);
    s.diagonal = beside == Mask<R>{};
    most = s.finite ? most : Vec<R>{};
    Mask<R> e = exponent_in(most);
    const Mask<R> zero = most == Vec<R>{}, usual = zero | (moderate(e) & (most >= Ieee<R>::min_normal));
    s.exact = usual | ((most >= Ieee<R>::min_normal) & (e < kBias));
    s.exact &= ~s.diagonal | zero | (usual & moderate(exponent_in(least)) & (least >= Ieee<R>::min_normal));
    e = e < kBias ? e : Mask<R>{} + (kBias - 1);
    s.exponent = usual ? Mask<R>{} : (e < 0 ? e + (e & 1) : e - (e & 1));
    return s;
  }
};

/// Values in order; `order`, unless null, says where each was.
template <class R>
struct Sorted {
  R* values;
  std::int32_t* order;

  BS_INLINE Mask<R> position(Index i) const {
    Mask<R> m;
    for (int w = 0; w < W<R>; ++w) m[w] = order[i * W<R> + w];
    return m;
  }
  BS_INLINE void put(Index i, Mask<R> m) const {
    for (int w = 0; w < W<R>; ++w) order[i * W<R> + w] = static_cast<std::int32_t>(m[w]);
  }
  /// The largest of the first to `end`; whether any moved.
  BS_INLINE bool bubble(Index end) const {
    Vec<R> top = load<R>(values);
    Mask<R> moved = Mask<R>{}, at = order != nullptr ? position(0) : Mask<R>{};
    for (Index i = 1; i <= end; ++i) {
      const Vec<R> x = load<R>(values + i * W<R>);
      const Mask<R> swap = top > x;
      store<R>(values + (i - 1) * W<R>, swap ? x : top);
      top = swap ? top : x;
      moved |= swap;
      if (order != nullptr) {
        const Mask<R> here = position(i);
        put(i - 1, swap ? here : at);
        at = swap ? at : here;
      }
    }
    store<R>(values + end * W<R>, top);
    if (order != nullptr) put(end, at);
    return any<R>(moved);
  }
};
template <class R>
__attribute__((noinline)) void sort(Index n, R* values, std::int32_t* order) {
  const Sorted<R> s{values, order};
  for (Index i = 0; order != nullptr && i < n; ++i) s.put(i, splat_index<R>(i));
  for (Index end = n - 1; end > 0 && s.bubble(end);) --end;
}

template <class L>
struct Spectrum {
  using R = typename L::Real;
  Index n;
  bool vectors;
  Tridiagonal<L> t;
  Strided<L> z;
  R *shifts, *squares, *rotations;
  std::int32_t* order;
  mutable Size<L> size;  // and what comes of the others
  mutable Mask<R> done;

  Spectrum(Arena& arena, Index order_of, bool with_vectors)
      : n(order_of),
        vectors(with_vectors),
        t(arena, n),
        z(take_strided<L>(arena, vectors ? n : 0, n | 1)),
        shifts(arena.take<R>(n * W<R>)),
        squares(arena.take<R>(n * W<R>)),
        rotations(arena.take<R>(vectors ? 4 * n * W<R> : 0)),
        order(arena.take<std::int32_t>(vectors ? n * W<R> : 0)) {
    z.cols = n;
  }

  /// A = 2^exponent V diag(w) Vᴴ, w ascending, of the lower triangle; v.data may be null without vectors. Lanes that are not `finite` or
  /// not `done` hold anything.
  __attribute__((noinline)) void run(Strided<L> a, R* w, Strided<L> v) const {
    place(a);
    if constexpr (L::planes == 1) {
      if (n == 2) return small<2>(w, v);
      if (n == 3) return small<3>(w, v);
      if (n == 4) return small<4>(w, v);
    }
    t.reduce();
    const Vec<R> least = tridiagonal_norm<R>(n, t.d, t.e) * kEpsilon<R>;
    done = ~Mask<R>{};
    if (!vectors || n >= kShiftsFirst) values(least, vectors ? shifts : w);
    if (!vectors) return;
    t.form(z);
    const Implicit<R> ql{n, t.d, t.e, n >= kShiftsFirst ? shifts : nullptr, least, z.data, n, z.row * L::planes, L::planes, rotations};
    done &= ql.run();
    sort<R>(n, t.d, order);
    for (Index i = 0; i < n; ++i) store<R>(w + i * W<R>, load<R>(t.d + i * W<R>) + Vec<R>{});
    gather(v);
  }

 private:
  template <int N>
  BS_INLINE void small(R* w, Strided<L> v) const {
    vectors ? small_of<N, true>(w, v) : small_of<N, false>(w, v);
  }
  template <int N, bool Vectors>
  __attribute__((noinline)) void small_of(R* w, Strided<L> v) const {
    Jacobi<R, N, Vectors> s;
    for (int i = 0; i < N; ++i)
      for (int j = 0; j <= i; ++j) s.a[i][j] = t.a.get(i, j);
    done = s.run();
    for (int i = 0; i < N; ++i) {
      store<R>(w + i * W<R>, s.a[i][i] + Vec<R>{});
      for (int j = 0; Vectors && j < N; ++j) v.set(i, j, s.v[i][j] + Vec<R>{});
    }
  }

  /// The lower triangle of 2^-exponent A; zero in lanes that hold a NaN or infinity.
  BS_INLINE void place(Strided<L> a) const {
    size = Size<L>::of(a);
    const Mask<R> finite = size.finite;
    const Vec<R> c = power_of_two<R>(-size.exponent);
    const auto zero = L::from_re(Vec<R>{});
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i; ++j) t.a.set(i, j, L::pick(finite, L::scale(a.get(i, j), c), zero));
      t.a.set(i, i, L::pick(finite, L::from_re(L::re(a.get(i, i)) * c), zero));
    }
  }
  BS_INLINE void values(Vec<R> least, R* d) const {
    for (Index i = 0; i < n; ++i) {
      store<R>(squares + i * W<R>, load<R>(t.e + i * W<R>));
      store<R>(d + i * W<R>, load<R>(t.d + i * W<R>));
    }
    done &= RootFree<R>{n, d, squares, least * least}.run();
    sort<R>(n, d, nullptr);
    for (Index i = 0; i < n; ++i) store<R>(d + i * W<R>, load<R>(d + i * W<R>) + Vec<R>{});  // a zero's sign would tell of others' sweeps
  }
  /// Columns of Z in the order of their values.
  __attribute__((noinline)) void gather(Strided<L> v) const {
    constexpr int kElement = W<R> * L::planes;
    for (Index i = 0; i < n; ++i) {
      const R* const from = z.at(i, 0);
      R* const to = v.at(i, 0);
      for (Index j = 0; j < n; ++j)
        for (int plane = 0; plane < L::planes; ++plane) {
          const R* const here = from + plane * W<R>;
          Vec<R> x;
          for (int w = 0; w < W<R>; ++w) x[w] = here[order[j * W<R> + w] * kElement + w];
          store<R>(to + j * kElement + plane * W<R>, x + Vec<R>{});
        }
    }
  }
};

/// Eigenvalues with their exponent put back.
template <class L>
BS_INLINE void restore_exponent(const Spectrum<L>& s, typename L::Real* w) {
  using R = typename L::Real;
  if (!any<R>(s.size.exponent != 0)) return;
  const Vec<R> back = power_of_two<R>(s.size.exponent);
  for (Index i = 0; i < s.n; ++i) store<R>(w + i * W<R>, load<R>(w + i * W<R>) * back);
}
/// Of what restore_exponent gave: which lanes the single kernel need not compute, which has diagonal matrices exactly, whatever their size,
/// and says which eigenvalue is too large.
template <class L>
BS_INLINE Mask<typename L::Real> trusted(const Spectrum<L>& s, const typename L::Real* w) {
  using R = typename L::Real;
  return s.done & is_finite<R>(load<R>(w)) & is_finite<R>(load<R>(w + (s.n - 1) * W<R>)) & ((s.size.exponent == 0) | ~s.size.diagonal);
}

/// C := half the Hermitian C, whose lower triangle is there, the other one; or with `lower` twice what is below the diagonal, zero above.
template <class L>
BS_INLINE void mirror(Strided<L> c, bool lower) {
  for (Index i = 0; i < c.rows; ++i) {
    for (Index j = 0; j < i; ++j) {
      const auto x = c.get(i, j);
      c.set(j, i, lower ? L::from_re(Vec<typename L::Real>{}) : L::conj(x));
      if (lower) c.set(i, j, L::scale(x, splat<typename L::Real>(2)));
    }
    c.set(i, i, L::from_re(L::re(c.get(i, i))));
  }
}
/// C := U Vᴴ, or Uᴴ V, which is Hermitian: by half.
template <class L>
BS_INLINE void hermitian_product(Strided<L> u, Strided<L> v, Strided<L> c, bool lower = false) {
  product<L>(true, u, false, v.transposed(), true, c, {Part::lower});
  mirror<L>(c, lower);
}
template <class L>
BS_INLINE void hermitian_product_of_adjoint(Strided<L> u, Strided<L> v, Strided<L> c) {
  product<L>(true, u.transposed(), true, v, false, c, {Part::lower});
  mirror<L>(c, false);
}
/// C := (M + Mᴴ)/2; C may be M.
template <class L>
BS_INLINE void hermitian_part(Strided<L> m, Strided<L> c) {
  using R = typename L::Real;
  const auto one = L::from_re(splat<R>(1));
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = 0; j < i; ++j) {
      const auto x = L::scale(L::minus(m.get(i, j), L::negate(L::conj(m.get(j, i))), one), splat<R>(R(0.5)));
      c.set(i, j, x);
      c.set(j, i, L::conj(x));
    }
    c.set(i, i, L::from_re(L::re(m.get(i, i))));
  }
}

}  // namespace backsolve::BS_ISA
