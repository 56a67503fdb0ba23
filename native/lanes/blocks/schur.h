// Schur forms of W matrices side by side, A = 2^exponent Z T Zᴴ: Hessenberg form, then QR sweeps, in windows of each lane's own.
// docs/derivations/eig.md
#pragma once
#include "../../kernels/scaling.h"
#include "francis.h"
#include "single_shift.h"
#include "spectrum.h"

namespace backsolve::BS_ISA {

/// A is taken as it is while its largest part is within 2^±this: products of four such numbers have digits.
template <class R>
constexpr int kSchurPower = sizeof(R) == 8 ? kModeratePower<R> : 8;

template <class L>
struct QrSweeps;
template <class R>
struct QrSweeps<RealLanes<R>> {
  using Type = Francis<R>;
};
template <class R>
struct QrSweeps<ComplexLanes<R>> {
  using Type = SingleShift<R>;
};

template <class L>
struct Schur {
  using R = typename L::Real;
  using E = typename L::Element;
  Index n;
  bool vectors;
  Hessenberg<L> form;
  Strided<L> t;  // in Hessenberg's place: T, with zeros below; blocks of two of real lanes as LAPACK's dlanv2 has them
  Strided<L> z;  // Z, where there are vectors
  R *re, *im;    // of real lanes: the eigenvalues of T; of complex lanes T's diagonal has them
  mutable Mask<R> finite, done, exponent;

  Schur(Arena& arena, Index order, bool with_vectors)
      : n(order),
        vectors(with_vectors),
        form(arena, n, vectors),
        t(form.a),
        z(take_strided<L>(arena, vectors ? n : 0, n | 1)),
        re(arena.take<R>(L::planes == 1 ? n * W<R> : 0)),
        im(arena.take<R>(L::planes == 1 ? n * W<R> : 0)) {
    z.cols = n;
  }

  /// Of A, which may be anything; lanes that are not `finite` or not `done` hold anything.
  __attribute__((noinline)) void run(Strided<L> a) const {
    place(a);
    form.reduce();
    if (vectors) form.form(z);
    Windows<L> at(t);
    const typename QrSweeps<L>::Type sweeps{t, z, vectors};
    at.find();
    for (Index count = 0; at.last >= 0 && count < 30 * (n > 10 ? n : 10); ++count) {
      sweeps.sweep(at);
      at.find();
    }
    done = at.high < 0;
    sweeps.finish(re, im);
    settle();
  }

 private:
  /// 2^-exponent A; zero in lanes that hold a NaN or infinity.
  __attribute__((noinline)) void place(Strided<L> a) const {
    constexpr int kMost = static_cast<int>(Ieee<R>::bias) - 1;
    Mask<R> top = Mask<R>{};
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) grow_parts<L>(top, a.get(i, j));
    Vec<R> most = reinterpret_cast<Vec<R>>(top);
    finite = is_finite<R>(most);
    most = finite ? most : Vec<R>{};
    Mask<R> e = Size<L>::exponent_in(most) - 1;
    e = e < kMost ? (e > -kMost ? e : splat_index<R>(-kMost)) : splat_index<R>(kMost);
    exponent = (most == Vec<R>{}) | ((e <= kSchurPower<R>)&(e >= -kSchurPower<R>)) ? Mask<R>{} : e;
    const Vec<R> c = power_of_two<R>(-exponent);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) t.set(i, j, L::pick(finite, L::scale(a.get(i, j), c), L::from_re(Vec<R>{})));
  }
  /// Zeros below the blocks; and no negative ones, whose sign would tell of others' sweeps.
  __attribute__((noinline)) void settle() const {
    const E zero = L::from_re(Vec<R>{});
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i + 1 - Windows<L>::kDone; ++j) t.set(i, j, zero);
      positive_zeros(t.at(i, 0));
      if (vectors) positive_zeros(z.at(i, 0));
    }
  }
  BS_INLINE void positive_zeros(R* row) const {
    for (Index j = 0; j < n * L::planes; ++j) store<R>(row + j * W<R>, load<R>(row + j * W<R>) + Vec<R>{});
  }
};

}  // namespace backsolve::BS_ISA
