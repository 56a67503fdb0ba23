// What functions of W general matrices side by side, and their derivatives, have in common: A = Wᴴ L W, a function of L, and back. In
// double precision whatever the dtype, as the single kernels. Equations: native/kernels/functions.cc, which gets the lanes of extreme size,
// and those with eigenvalues where functions end.
#pragma once
#include "doubles.h"
#include "forms.h"

namespace backsolve::BS_ISA {

using Triangle = Strided<ComplexLanes<double>>;

/// The rounding in L.
struct Rounding {
  Vec<double> axis;  // eigenvalues within it of the negative axis are above it
};

/// A form, A's or one that was computed before, and room for what is done with it.
template <class D>
struct FunctionForm {
  using R = double;
  Index n;
  Strided<D> l, w, p, q;
  Form<D> form;
  FunctionForm(Arena& arena, Index order)
      : n(order),
        l(take_strided<D>(arena, n, n)),
        w(take_strided<D>(arena, n, n)),
        p(take_strided<D>(arena, n, n)),
        q(take_strided<D>(arena, n, n)),
        form(arena, n) {}

  /// The form of A in q. Which lanes have one.
  __attribute__((noinline)) Mask<R> compute(const Schur<D>& schur) const {
    Mask<R> lower = heavier_below();
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) p.set(i, j, D::pick(lower, q.get(j, i), q.get(i, j)));
    schur.run(p);
    // of Aᵀ = Z T Zᴴ L = Tᵀ and W = Zᵀ; of A = Z T Zᴴ, with P, the identity with its rows reversed, L = P T P and W = P Zᴴ
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        l.set(i, j, D::pick(lower, schur.t.get(j, i), schur.t.get(n - 1 - i, n - 1 - j)));
        w.set(i, j, D::pick(lower, schur.z.get(j, i), D::conj(schur.z.get(j, n - 1 - i))));
      }
    }
    return schur.done & schur.finite & (schur.exponent == Mask<R>{});
  }
  /// The triangle of L; which lanes are within a function's domain, but for the negative axis of complex ones.
  __attribute__((noinline)) Mask<R> triangle(bool of_sign, Rounding& rounding) const {
    form.take(l);
    const R noise = static_cast<R>(n) * __DBL_EPSILON__;
    rounding.axis = D::planes == 1 ? Vec<R>{} : largest<D>(l.data, n * n) * noise;
    Mask<R> good = ~Mask<R>{};
    for (Index i = 0; i < n; ++i) {
      const auto x = form.l.get(i, i);
      if (of_sign) good &= vabs<R>(x.re) > noise * vsqrt<R>(Lower<R>::square(x));
      // Real eigenvalues on the negative axis have no real answer; of pairs beside it f(λ) and f(conj λ) lie apart, and what is rounding
      // between them grows by |λ| / |Im λ|.
      if (!of_sign && D::planes == 1) good &= (x.re >= Vec<R>{}) | (vabs<R>(x.im) > x.re * R(-1.0 / 64));
    }
    return good;
  }
  /// TO := W E Wᴴ, E in q, or of its adjoint.
  BS_INLINE void enter(bool adjoint, Triangle to) const {
    product<D>(true, w, false, adjoint ? q.transposed() : q, adjoint, p);
    product<D>(true, p, false, w.transposed(), true, q);
    form.enter(q, form, to);
  }
  /// q := Wᴴ M W, or its adjoint.
  BS_INLINE void leave(Triangle m, bool adjoint) const {
    form.leave(m, form, q);
    product<D>(true, w.transposed(), true, adjoint ? q.transposed() : q, adjoint, p);
    product<D>(true, p, false, w, false, q);
  }

 private:
  /// Which lanes have more below the diagonal: the QR algorithm keeps the digits of what is small where that stands above it.
  BS_INLINE Mask<R> heavier_below() const {
    Vec<R> below = Vec<R>{}, above = Vec<R>{};
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i; ++j) {
        below += D::size1(q.get(i, j));
        above += D::size1(q.get(j, i));
      }
    }
    return below > above;
  }
};

/// Infos of one part.
template <class L>
BS_INLINE void report_part(Mask<double> finite, Mask<double> good, int part, std::int32_t* info) {
  report<double>(finite, Mask<double>{}, good, info + part * W<double>);
}

template <class F, class L>
struct FunctionWork {
  FunctionForm<Doubled<L>> form;
  Schur<Doubled<L>> schur;
  typename F::Work work;
  FunctionWork(Arena& arena, const Call& call) : form(arena, call.dims[0]), schur(arena, call.dims[0], true), work(arena, call.dims[0]) {}
};
/// a (n,n) -> x, l, w (n,n).
template <class F, class L>
__attribute__((noinline)) void function_of(const Call& call, const FunctionWork<F, L>& work, std::int32_t* info) {
  using D = Doubled<L>;
  const Index n = call.dims[0];
  const auto& form = work.form;
  for (int part = 0; part < kParts<L>; ++part) {
    read_part<L>(call.operand[0], part, form.q);
    const Vec<double> most = largest<D>(form.q.data, n * n);
    Mask<double> good = is_moderate<double>(most) & form.compute(work.schur);
    if (call.operand[2] != nullptr) good &= write_part<L>(form.l, part, call.operand[2]);
    if (call.operand[3] != nullptr) good &= write_part<L>(form.w, part, call.operand[3]);
    Rounding rounding;
    good &= form.triangle(F::kSign, rounding);
    good &= F::apply(call, form.form.l, rounding, work.work);
    form.leave(form.form.l, false);
    good &= write_part<L>(form.q, part, call.operand[1]);
    report_part<L>(is_finite<double>(most), good, part, info);
  }
}

template <class F>
struct AlongRoom {
  Triangle e;
  typename F::AlongWork work;
  AlongRoom(Arena& arena, Index n) : e(take_strided<ComplexLanes<double>>(arena, n, n)), work(arena, n) {}
};
/// The derivative along what is in q, or the adjoint of that along its adjoint, in q.
template <class F, class D>
__attribute__((noinline)) Mask<double> derivative(const Call& call, const FunctionForm<D>& form, bool adjoint, const AlongRoom<F>& room) {
  const Index n = form.n;
  Rounding rounding;
  Mask<double> good = is_moderate<double>(largest<D>(form.q.data, n * n));
  good &= form.triangle(F::kSign, rounding);
  form.enter(adjoint, room.e);
  good &= F::along(call, form.form.l, room.e, rounding, room.work);
  form.leave(room.e, adjoint);
  return good;
}

template <class F, class L>
struct AlongWork {
  FunctionForm<Doubled<L>> form;
  Schur<Doubled<L>> schur;
  AlongRoom<F> room;
  AlongWork(Arena& arena, const Call& call) : form(arena, call.dims[0]), schur(arena, call.dims[0], true), room(arena, call.dims[0]) {}
};
/// a, e (n,n) -> x (n,n).
template <class F, class L>
__attribute__((noinline)) void function_along(const Call& call, const AlongWork<F, L>& work, std::int32_t* info) {
  using D = Doubled<L>;
  const Index n = call.dims[0];
  const auto& form = work.form;
  for (int part = 0; part < kParts<L>; ++part) {
    read_part<L>(call.operand[0], part, form.q);
    const Vec<double> most = largest<D>(form.q.data, n * n);
    Mask<double> good = is_moderate<double>(most) & form.compute(work.schur);
    read_part<L>(call.operand[1], part, form.q);
    const Mask<double> finite = is_finite<double>(most) & is_finite<double>(largest<D>(form.q.data, n * n));
    good &= derivative<F>(call, form, false, work.room);
    good &= write_part<L>(form.q, part, call.operand[2]);
    report_part<L>(finite, good, part, info);
  }
}

template <class F, class L>
struct VjpWork {
  FunctionForm<Doubled<L>> form;
  AlongRoom<F> room;
  VjpWork(Arena& arena, const Call& call) : form(arena, call.dims[0]), room(arena, call.dims[0]) {}
};
/// a, l, w, g (n,n) -> a (n,n): the adjoint of the derivative along Gᴴ.
template <class F, class L>
__attribute__((noinline)) void function_vjp(const Call& call, const VjpWork<F, L>& work, std::int32_t* info) {
  using D = Doubled<L>;
  const Index n = call.dims[0];
  const auto& form = work.form;
  for (int part = 0; part < kParts<L>; ++part) {
    read_part<L>(call.operand[0], part, form.q);
    Mask<double> good = is_moderate<double>(largest<D>(form.q.data, n * n));
    read_part<L>(call.operand[1], part, form.l);
    read_part<L>(call.operand[2], part, form.w);
    read_part<L>(call.operand[3], part, form.q);
    good &= derivative<F>(call, form, true, work.room);
    good &= write_part<L>(form.q, part, call.operand[4]);
    report_part<L>(~Mask<double>{}, good, part, info);
  }
}

template <class F>
struct PairWork {
  Triangle pair;
  typename F::Work work;
  PairWork(Arena& arena, Index n) : pair(take_strided<ComplexLanes<double>>(arena, 2 * n, 2 * n)), work(arena, 2 * n) {}
};
/// Below the diagonal of f([L 0; E L]), in place of E. E, which the answer is linear in, is brought to the size of the smallest eigenvalue:
/// the methods look at the norm of both together.
template <class F>
__attribute__((noinline)) Mask<double> along_by_pair(const Call& call, const Triangle& l, const Triangle& e, const Rounding& rounding,
                                                     const PairWork<F>& room) {
  using C = ComplexLanes<double>;
  const Index n = l.rows;
  Vec<double> least = splat<double>(Ieee<double>::inf);
  for (Index i = 0; i < n; ++i) {
    const Vec<double> size = Lower<double>::square(l.get(i, i));
    least = ((size < least) & (size > Vec<double>{})) ? size : least;
  }
  const Vec<double> most = largest<C>(e.data, n * n);
  const Mask<double> own = most == Vec<double>{} ? Mask<double>{} : Size<C>::exponent_in(most) - Size<C>::exponent_in(vsqrt<double>(least));
  const Vec<double> down = power_of_two<double>(-own), up = power_of_two<double>(own);
  const auto zero = C::from_re(Vec<double>{});
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const auto x = l.get(i, j);
      room.pair.set(i, j, x);
      room.pair.set(n + i, n + j, x);
      room.pair.set(i, n + j, zero);
      room.pair.set(n + i, j, C::scale(e.get(i, j), down));
    }
  }
  const Mask<double> good = F::apply(call, room.pair, rounding, room.work);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) e.set(i, j, C::scale(room.pair.get(n + i, j), up));
  return good;
}

/// The kernels of a function: name, name_along, name_vjp. Then BS_LANES_KERNEL of each.
#define BS_LANES_FUNCTION(name, F)                                                       \
  template <class L>                                                                     \
  using name##_work = FunctionWork<F, L>;                                                \
  template <class L>                                                                     \
  using name##_along_work = AlongWork<F, L>;                                             \
  template <class L>                                                                     \
  using name##_vjp_work = VjpWork<F, L>;                                                 \
  template <class L>                                                                     \
  void name(const Call& call, const FunctionWork<F, L>& work, std::int32_t* info) {      \
    function_of<F, L>(call, work, info);                                                 \
  }                                                                                      \
  template <class L>                                                                     \
  void name##_along(const Call& call, const AlongWork<F, L>& work, std::int32_t* info) { \
    function_along<F, L>(call, work, info);                                              \
  }                                                                                      \
  template <class L>                                                                     \
  void name##_vjp(const Call& call, const VjpWork<F, L>& work, std::int32_t* info) {     \
    function_vjp<F, L>(call, work, info);                                                \
  }

}  // namespace backsolve::BS_ISA
