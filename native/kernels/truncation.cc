// The derivatives of T(A), A with the singular values up to rcond σ_max cut, for the rules of lstsq. docs/derivations/least-squares.md
#include "truncation.h"

#include "list.h"

namespace backsolve {
namespace {

using la::Op;
using ops::block;
using ops::Cut;
using ops::read;
using ops::Svd;

template <class T>
struct DecomposeWork {
  Svd<T> f;
  ops::ThinSvdWork<T> svd;
  DecomposeWork(Arena& arena, Index m, Index n) : f(vectors(arena, m, n)), svd(arena, m, n) {}

 private:
  static Svd<T> vectors(Arena& arena, Index m, Index n) {
    const Index p = std::min(m, n);
    const auto u = arena.matrix<T>(m, p), vh = arena.matrix<T>(p, n);
    return {u, vh, arena.take<Real<T>>(p)};
  }
};

/// The singular values and vectors of A', and where the cut lies.
template <class T>
std::int32_t decompose(Matrix<const T> a, double rcond, const DecomposeWork<T>& work, Cut& cut) {
  const Svd<T>& f = work.f;
  if (!ops::all_finite(a)) return make_info(Fail::not_finite);
  if (const auto info = ops::thin_svd(a, ops::power_for(ops::largest_part(a)), f, work.svd)) return info;
  return ops::find_cut(f.s, a.rows, a.cols, rcond, cut);
}

template <class T>
void adjoint(Matrix<const T> from, Matrix<T> to) {
  for (Index i = 0; i < from.rows; ++i)
    for (Index j = 0; j < from.cols; ++j) to(j, i) = ops::conj(from(i, j));
}

/// W := W + Wᴴ, or W - Wᴴ.
template <class T>
void plus_adjoint(Matrix<T> w, Real<T> sign = 1) {
  for (Index i = 0; i < w.rows; ++i)
    for (Index j = 0; j <= i; ++j) {
      const T x = w(i, j) + sign * ops::conj(w(j, i)), y = w(j, i) + sign * ops::conj(w(i, j));
      w(i, j) = x;
      w(j, i) = y;
    }
}

/// For a pair of a kept and a cut singular value 1 / (the square of the kept one - that of the cut one), for others 0.
template <class R>
R pair_weight(const R* s, const Cut& cut, Index i, Index j) {
  if ((i < cut.kept) == (j < cut.kept)) return 0;
  const R big = s[std::min(i, j)], small = std::max(i, j) < cut.rank ? s[std::max(i, j)] : 0;
  return 1 / ((big - small) * (big + small));
}

/// What a direction E of a tall A is in the coordinates of its singular vectors.
template <class T>
struct Direction {
  Matrix<T> ev;     // E V
  Matrix<T> m;      // Vᴴ (AᴴE + EᴴA) V, the derivative of AᴴA
  Matrix<T> theta;  // Vᴴ dP V, of the projector P = V₁ V₁ᴴ: m weighted
  Direction(Arena& arena, Index rows, Index cols)
      : ev(arena.matrix<T>(rows, cols)), m(arena.matrix<T>(cols, cols)), theta(arena.matrix<T>(cols, cols)) {}
};
template <class T>
void find_direction(const Svd<T>& f, const Cut& cut, Matrix<const T> e, const Direction<T>& d) {
  const Index n = e.cols;
  la::gemm<T>(1, Op::none, e, Op::adjoint, read(f.vh), 0, d.ev);
  la::gemm<T>(1, Op::adjoint, read(f.u), Op::none, read(d.ev), 0, d.m);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) d.m(i, j) *= i < cut.rank ? f.s[i] : 0;
  plus_adjoint(d.m);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) d.theta(i, j) = pair_weight(f.s, cut, i, j) * d.m(i, j);
}

/// Of a tall A.
template <class T>
struct TallSecondWork {
  Direction<T> p, q;
  Matrix<T> pairs, products, sum;
  TallSecondWork(Arena& arena, Index m, Index n)
      : p(arena, m, n), q(arena, m, n), pairs(arena.matrix<T>(n, n)), products(arena.matrix<T>(n, n)), sum(arena.matrix<T>(m, n)) {}
};
/// D²T(A)[E, H] of a tall A = U S Vᴴ. T = A P, P = V₁ V₁ᴴ a function of M = AᴴA:
///   D²T[E, H] = E DP[H] + H DP[E] + A D²P[E, H], DP = V Θ Vᴴ, D²P = V Π Vᴴ.
/// With the weights G, M_E = Vᴴ DM[E] V and [., .] the commutator, by second divided differences of the step function,
///   Π = G ∘ (Vᴴ (EᴴH + HᴴE) V + [Θ_E, M_H] + [Θ_H, M_E]) between kept and cut, -(Θ_E Θ_H + Θ_H Θ_E) among kept, + among cut.
template <class T>
void second(const Svd<T>& f, const Cut& cut, Matrix<const T> e, Matrix<const T> h, Matrix<T> out, const TallSecondWork<T>& work) {
  const Index n = e.cols;
  const Direction<T>&p = work.p, &q = work.q;
  find_direction(f, cut, e, p);
  find_direction(f, cut, h, q);
  const Matrix<T> pairs = work.pairs, products = work.products, sum = work.sum;
  const auto gemm = [](Real<T> alpha, Op op, Matrix<T> x, Matrix<T> y, Real<T> beta, Matrix<T> z) {
    la::gemm<T>(alpha, op, read(x), Op::none, read(y), beta, z);
  };
  // [Θ_E, M_H] = Θ_E M_H - (Θ_E M_H)ᴴ above the diagonal blocks; below them, where the weights are negative, its adjoint is meant
  gemm(1, Op::none, p.theta, q.m, 0, pairs);
  gemm(1, Op::none, q.theta, p.m, 1, pairs);
  plus_adjoint<T>(pairs, -1);
  for (Index i = cut.kept; i < n; ++i)
    for (Index j = 0; j < cut.kept; ++j) pairs(i, j) = ops::conj(pairs(j, i));
  gemm(1, Op::adjoint, p.ev, q.ev, 0, products);
  plus_adjoint(products);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) pairs(i, j) = pair_weight(f.s, cut, i, j) * (pairs(i, j) + products(i, j));
  gemm(1, Op::none, p.theta, q.theta, 0, products);
  plus_adjoint(products);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      if ((i < cut.kept) == (j < cut.kept)) pairs(i, j) = i < cut.kept ? -products(i, j) : products(i, j);
      pairs(i, j) *= i < cut.rank ? f.s[i] : 0;
    }
  la::gemm<T>(1, Op::none, read(f.u), Op::none, read(pairs), 0, sum);
  gemm(1, Op::none, p.ev, q.theta, 1, sum);
  gemm(1, Op::none, q.ev, p.theta, 1, sum);
  la::gemm<T>(1, Op::none, read(sum), Op::none, read(f.vh), 0, out);
}

template <class T>
struct DerivativeWork {
  DecomposeWork<T> parts;
  Matrix<T> outside;
  T* part;
  ops::CutWork<T> cut;
  DerivativeWork(Arena& arena, const Call& call)
      : parts(arena, call.dims[0], call.dims[1]),
        outside(arena.matrix<T>(call.dims[0], call.dims[1])),
        part(arena.take<T>(call.dims[0] * call.dims[1])),
        cut(arena, call.dims[0], call.dims[1]) {}
};

/// a, e (m,n) -> d: the derivative along e of A without the singular values up to rcond σ_max. dims {m, n}. attrs [rcond].
/// Fails: not_finite, no_convergence, too_large, cut.
// DT(A)[E] = Q E + E P - Q E P + U Δ Vᴴ, Q = U₁ U₁ᴴ, P = V₁ V₁ᴴ: E without what lies outside of both, and add_cut.
template <class T>
std::int32_t truncation_derivative(const Call& call, const DerivativeWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1];
  const auto e = call.matrix<const T>(1, m, n);
  const auto out = call.matrix<T>(2, m, n);
  Cut cut;
  if (const auto info = decompose(call.matrix<const T>(0, m, n), call.attrs[0], work.parts, cut)) return info;
  const Svd<T>& f = work.parts.f;
  const Matrix<T> outside = work.outside;
  ops::copy(e, outside);
  const auto u = read(block(f.u, 0, 0, m, cut.kept)), vh = read(block(f.vh, 0, 0, cut.kept, n));
  const Matrix<T> ue{work.part, cut.kept, n, n}, ev{work.part, m, cut.kept, cut.kept};
  la::gemm<T>(1, Op::adjoint, u, Op::none, e, 0, ue);
  la::gemm<T>(-1, Op::none, u, Op::none, read(ue), 1, outside);
  la::gemm<T>(1, Op::none, read(outside), Op::adjoint, vh, 0, ev);
  la::gemm<T>(-1, Op::none, read(ev), Op::none, vh, 1, outside);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) out(i, j) = e(i, j) - outside(i, j);
  ops::add_cut(read(f.u), f.s, read(f.vh), cut, e, out, work.cut);
  return 0;
}

/// A, E and H turned where A is wide.
template <class T>
struct SecondWork {
  Matrix<T> turned[3], h, out;
  DecomposeWork<T> parts;
  TallSecondWork<T> tall;
  SecondWork(Arena& arena, const Call& call)
      : SecondWork(arena, std::max(call.dims[0], call.dims[1]), std::min(call.dims[0], call.dims[1]), call.dims[0] < call.dims[1]) {}

 private:
  SecondWork(Arena& arena, Index most, Index least, bool turn)
      : turned{arena.matrix<T>(turn ? most : 0, least), arena.matrix<T>(turn ? most : 0, least), arena.matrix<T>(turn ? most : 0, least)},
        h(arena.matrix<T>(most, least)),
        out(arena.matrix<T>(most, least)),
        parts(arena, most, least),
        tall(arena, most, least) {}
};

/// a, e, h (m,n) -> d: its second derivative along e and h.
// D²T(A)[E, H]; of a wide A as that of Aᴴ. 2^a D²T(2^a A) = D²T(A): the power goes to H.
template <class T>
std::int32_t truncation_second(const Call& call, const SecondWork<T>& work) {
  const Index m = call.dims[0], n = call.dims[1];
  Matrix<const T> operand[3];
  for (int i = 0; i < 3; ++i) {
    operand[i] = call.matrix<const T>(i, m, n);
    if (m >= n) continue;
    adjoint(operand[i], work.turned[i]);
    operand[i] = read(work.turned[i]);
  }
  const Matrix<T> h = work.h, out = work.out;
  ops::scale(operand[2], ops::power_for(ops::largest_part(operand[0])), h);
  Cut cut;
  if (const auto info = decompose(operand[0], call.attrs[0], work.parts, cut)) return info;
  second(work.parts.f, cut, operand[1], read(h), out, work.tall);
  const auto result = call.matrix<T>(3, m, n);
  if (m >= n)
    ops::copy(read(out), result);
  else
    adjoint(read(out), result);
  return 0;
}

constexpr Kernel kList[] = {
    {"truncationDerivative", "T(m,n) T(m,n) -> T(m,n)", "r", 30, BS_SINGLE(truncation_derivative, DerivativeWork)},
    {"truncationSecond", "T(m,n) T(m,n) T(m,n) -> T(m,n)", "r", 50, BS_SINGLE(truncation_second, SecondWork)},
};

}  // namespace

BS_LIST(truncation, kList)

}  // namespace backsolve
