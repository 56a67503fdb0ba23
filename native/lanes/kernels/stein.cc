// Stein's equations of W matrices side by side, and their adjoints. Equations: native/kernels/stein.cc, which gets the lanes of extreme
// size, and those whose eigenvalues are not surely apart.
#include "../blocks/forms.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// L Y Lᴴ - Y + R = 0 in place of R, L lower triangular, by rows P at a time: z = Σ_{k<i} l_ik y_k for these, then for each column
/// y_ij (1 - l_ii conj(l_jj)) = r_ij + Σ_{k<j} w_k conj(l_jk) + z_j conj(l_jj), w = z + l_ii y_i; -w is kept.
template <class R>
struct Stein {
  using S = Lower<R>;
  using L = ComplexLanes<R>;
  using E = typename L::Element;
  static constexpr int B = L::block;
  Strided<L> l, y, z, w;

  template <int P, int Q>
  BS_INLINE void rows_before(Index i, Index j) const {
    E acc[P][Q];
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) acc[p][q] = S::zero();
    S::subtract(acc, l, y, i, j, 0, i);
    for (int p = 0; p < P; ++p)
      for (int q = 0; q < Q; ++q) z.set(p, j + q, L::negate(acc[p][q]));
  }
  template <int P, int Q>
  BS_INLINE void block(Index i, Index j) const {
    E acc[P][Q];
    Vec<R> unused = Vec<R>{};
    S::load(acc, y, i, j);
    S::template subtract<true>(acc, w, l.transposed(), 0, j, 0, j);
    for (int q = 0; q < Q; ++q) {
      const E other = L::conj(l.get(j + q, j + q));
      for (int p = 0; p < P; ++p) {
        E before = z.get(p, j + q);
        for (int k = 0; k < p; ++k) before = S::add(before, l.get(i + p, i + k), y.get(i + k, j + q));
        E sum = S::add(acc[p][q], before, other);
        for (int k = 0; k < q; ++k) sum = L::minus_conj(sum, w.get(p, j + k), l.get(j + q, j + k));
        const E own = l.get(i + p, i + p), by = L::minus(L::from_re(splat<R>(1)), own, other), x = L::mul(sum, S::inverse(by, unused));
        y.set(i + p, j + q, x);
        w.set(p, j + q, L::negate(S::add(before, own, x)));
      }
    }
  }
  template <int P>
  BS_INLINE void rows(Index i) const {
    Index j = 0, k = 0;
    BS_BLOCKS(k, y.cols, B, (rows_before<P, B>(i, k)), (rows_before<P, 1>(i, k)))
    BS_BLOCKS(j, y.cols, B, (block<P, B>(i, j)), (block<P, 1>(i, j)))
  }
  __attribute__((noinline)) void run() const {
    Index i = 0;
    BS_BLOCKS(i, y.rows, B, rows<B>(i), rows<1>(i))
  }
};

/// Which lanes have no λ_i conj(λ_j) that is 1, for all that the computation of eigenvalues can tell.
template <class R>
__attribute__((noinline)) Mask<R> apart(const Strided<ComplexLanes<R>>& l) {
  using C = ComplexLanes<R>;
  constexpr R kEpsilon = sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__);
  const R noise = static_cast<R>(2 * l.rows) * kEpsilon;
  const Vec<R> one = splat<R>(1);
  Vec<R> most = Vec<R>{};
  for (Index i = 0; i < l.rows; ++i)
    for (Index j = 0; j <= i; ++j) {
      const Vec<R> size = C::size1(l.get(i, j));
      most = size > most ? size : most;
    }
  Mask<R> good = ~Mask<R>{};
  for (Index i = 0; i < l.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto product = C::mul(l.get(i, i), C::conj(l.get(j, j)));
      const Vec<R> error = most * (C::size1(l.get(i, i)) + C::size1(l.get(j, j))), size = error > one ? error : one;
      good &= Lower<R>::square({one - product.re, product.im}) > (noise * noise) * (size * size);
    }
  }
  return good;
}

template <class R>
struct Rooms {
  using C = ComplexLanes<R>;
  Strided<C> y, z, w;
  Rooms(Arena& arena, Index n)
      : y(take_strided<C>(arena, n, n)), z(take_strided<C>(arena, C::block, n)), w(take_strided<C>(arena, C::block, n)) {}
  /// In the room Y; with `adjoint` Lᴴ Y L - Y + R = 0, which turned over is the other one with L', its adjoint as a lower triangle.
  BS_INLINE void solve(Strided<C> l, bool adjoint) const { Stein<R>{l, adjoint ? y.half_turned() : y, z, w}.run(); }
};

template <class L>
struct SteinWork : Rooms<typename L::Real> {
  LowerSchur<L> a;
  Strided<L> p, q;
  SteinWork(Arena& arena, const Call& call)
      : Rooms<typename L::Real>(arena, call.dims[0]),
        a(arena, call.dims[0]),
        p(take_strided<L>(arena, call.dims[0], call.dims[0])),
        q(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};
template <class L>
void discrete_lyapunov(const Call& call, const SteinWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  using C = ComplexLanes<R>;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const bool adjoint = call.attrs[0] != 0;
  const auto& form = work.a.form;
  const auto q = strided<L>(call.operand[1], n, n), x = strided<L>(call.operand[2], n, n), w = work.a.w();
  const Vec<R> most = largest<L>(call.operand[0], n * n), most_q = largest<L>(call.operand[1], n * n);
  Mask<R> good = is_moderate<R>(most) & is_moderate<R>(most_q);
  good &= work.a.run(strided<L>(call.operand[0], n, n));
  good &= apart<R>(form.l);
  copy_to<C>(form.l, call.operand[3]);
  if (call.operand[4] != nullptr) form.vectors(w, strided<C>(call.operand[4], n, n));
  product<L>(true, w, false, q, false, work.p);
  product<L>(true, work.p, false, w.transposed(), true, work.q);
  form.enter(work.q, form, work.y);
  if (adjoint) flip_lower(form.l, form.l);
  work.solve(form.l, adjoint);
  form.leave(work.y, form, work.q);
  product<L>(true, w.transposed(), true, work.q, false, work.p);
  product<L>(true, work.p, false, w, false, x);
  symmetrize<L>(x, hermitian_lanes<L>(q));
  report<R>(is_finite<R>(most) & is_finite<R>(most_q), Mask<R>{}, finite_lanes<L>(call.operand[2], n * n, good), info);
}

template <class L>
struct SteinVjpWork : Rooms<typename L::Real> {
  using C = ComplexLanes<typename L::Real>;
  Strided<C> l, spare;
  Strided<L> answer, product;
  SteinVjpWork(Arena& arena, const Call& call)
      : Rooms<typename L::Real>(arena, call.dims[0]),
        l(take_strided<C>(arena, call.dims[0], call.dims[0])),
        spare(take_strided<C>(arena, call.dims[0], call.dims[0])),
        answer(operand_or<L>(arena, call.operand[6], call.dims[0], call.dims[0])),
        product(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};
/// Ā = P A Rᴴ + Pᴴ A R.
template <class L>
BS_INLINE void cotangent(Strided<L> a, Strided<L> p, Strided<L> r, Strided<L> spare, Strided<L> out) {
  product<L>(true, a, false, r.transposed(), true, spare);
  product<L>(true, p, false, spare, false, out);
  product<L>(true, a, false, r, false, spare);
  product<L>(true, p.transposed(), true, spare, false, out, {}, true);
}
template <class L>
void discrete_lyapunov_vjp(const Call& call, const SteinVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  using C = ComplexLanes<R>;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  const bool adjoint = call.attrs[0] != 0;
  const auto at = [&](int i) { return strided<L>(call.operand[i], n, n); };
  const auto w = strided<C>(call.operand[3], n, n);
  const auto y = work.answer, x = at(1);
  Mask<R> good = ~Mask<R>{};
  for (const int i : {0, 1, 4}) good &= is_moderate<R>(largest<L>(call.operand[i], n * n));
  copy_lanes<C>(call.operand[2], work.l.data, n * n);
  if (!adjoint) flip_lower<C>(work.l, work.l);
  widen_to<L>(at(4), work.y);
  product<C>(true, w, false, work.y, false, work.spare);
  product<C>(true, work.spare, false, w.transposed(), true, work.y);
  work.solve(work.l, !adjoint);
  product<C>(true, w.transposed(), true, work.y, false, work.spare);
  product<C>(true, work.spare, false, w, false, work.y);
  narrow_to<L>(work.y, y);
  good &= is_moderate<R>(largest<L>(y.data, n * n));
  if (call.operand[5] != nullptr) cotangent<L>(at(0), adjoint ? x : y, adjoint ? y : x, work.product, at(5));
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(discrete_lyapunov, SteinWork)
BS_LANES_KERNEL(discrete_lyapunov_vjp, SteinVjpWork)

}  // namespace backsolve::BS_ISA
