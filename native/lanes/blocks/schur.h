// Schur forms of W matrices side by side, A = 2^exponent Z T Zᴴ: Hessenberg form, then QR sweeps, in windows of each lane's own.
// docs/derivations/eig.md
#pragma once
#include "francis.h"
#include "single_shift.h"

namespace backsolve::BS_ISA {

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
    reduce();
  }
  /// 2^-exponent A stands in `t`; zero in lanes that hold a NaN or infinity.
  BS_INLINE void place(Strided<L> a) const { form.place(a, finite, exponent); }
  /// Of what stands in `t`.
  __attribute__((noinline)) void reduce() const {
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
