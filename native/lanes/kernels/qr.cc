// QR factorizations of W matrices of any shape side by side. Equations: native/kernels/qr.cc; reflections as LAPACK's, so that signs are
// the same. Lanes whose squares leave the exponents are declined.
#include "../blocks/qr.h"

#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct QrWork {
  Reflections<L> h;
  QrWork(Arena& arena, const Call& call) : h(arena, call.dims[0] < call.dims[1] ? call.dims[0] : call.dims[1], call.dims[0]) {}
};

/// R of k rows into r, and, unless `q` is null, k columns of Q.
template <class L>
__attribute__((noinline)) void qr_of(const Call& call, Index k, const Reflections<L>& of, void* q, void* r, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  Reflections<L> h = of;
  const Vec<R> most = largest<L>(call.operand[0], m * n);
  const Qr<L> problem{h, strided<L>(call.operand[0], m, n)};
  problem.factor(strided<L>(r, k, n));
  if (q != nullptr) problem.form(strided<L>(q, m, k));
  const Mask<R> good = is_moderate<R>(most) & ~h.doubtful, finite = is_finite<R>(most);
  for (int w = 0; w < W<R>; ++w) info[w] = !finite[w] ? kNotFinite : good[w] ? 0 : static_cast<int>(Fail::declined);
}

template <class L>
void qr(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, work.h.count, work.h, call.operand[1], call.operand[2], info);
}
template <class L>
void qr_triangle(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, work.h.count, work.h, nullptr, call.operand[1], info);
}
template <class L>
void qr_complete(const Call& call, const QrWork<L>& work, std::int32_t* info) {
  qr_of(call, call.dims[0], work.h, call.operand[1], call.operand[2], info);
}

/// Lanes whose columns are surely independent.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> independent_lanes(const Strided<L>& r) {
  using R = typename L::Real;
  constexpr R kEpsilon = sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__);
  Mask<R> good = ~Mask<R>{};
  for (Index j = 0; j < r.rows; ++j) {
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i <= j; ++i) {
      const Vec<R> size = L::size1(r.get(i, j));
      most = size > most ? size : most;
    }
    // |re| + |im| is at most √2 of a magnitude: what is not surely independent is the single kernel's to judge
    good &= L::size1(r.get(j, j)) > static_cast<R>(2 * r.rows) * kEpsilon * most;
  }
  return good;
}

/// Lanes with columns that are not independent are declined.
template <class L>
void independent(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  copy_lanes<L>(call.operand[0], call.operand[1], n * n);
  report<R>(independent_lanes<L>(strided<L>(call.operand[0], n, n)), info);
}

template <class L>
struct VjpWork {
  Strided<L> h, turn;
  VjpWork(Arena& arena, const Call& call)
      : h(take_strided<L>(arena, side(call), side(call))), turn(take_strided<L>(arena, wide(call), wide(call))) {}
  BS_INLINE static Index side(const Call& call) { return call.dims[0] < call.dims[1] ? call.dims[0] : call.dims[1]; }
  BS_INLINE static Index wide(const Call& call) { return call.dims[0] < call.dims[1] && call.operand[3] != nullptr ? call.dims[0] : 0; }
};

/// H of M, of which the upper triangle is read, less `turn` in M and with it outside, unless it has no rows.
template <class L>
BS_INLINE void mirror(Strided<L> m, Strided<L> turn) {
  using R = typename L::Real;
  const auto one = L::from_re(splat<R>(1));
  const bool turned = turn.rows > 0;
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = i; j < m.rows; ++j) {
      auto x = m.get(i, j);
      if (turned) x = L::minus(x, turn.get(i, j), one);
      if (i == j) x = L::from_re(L::re(x));
      auto below = L::conj(x);
      if (turned) x = L::minus(x, L::negate(turn.get(i, j)), one), below = L::minus(below, L::negate(turn.get(j, i)), one);
      m.set(i, j, x);
      if (i != j) m.set(j, i, below);
    }
  }
}
template <class L>
BS_INLINE Strided<L> columns(Strided<L> of, Index from, Index to) {
  return {of.at(0, from), of.rows, to - from, of.row, of.col};
}

/// Lanes in which R̄ Rᴴ is of moderate size: others are scaled by the single kernel.
template <class R>
BS_INLINE Mask<R> product_holds(Vec<R> r, Vec<R> g) {
  const Vec<R> size = r * g;
  constexpr R kLeast = sizeof(R) == 8 ? R(0x1p-960) : R(0x1p-110), kMost = sizeof(R) == 8 ? R(0x1p1000) : R(0x1p115);
  return ((size > splat<R>(kLeast)) & (size < splat<R>(kMost))) | (g == Vec<R>{});
}

/// Lanes with columns that are not independent, products beyond the range, or an answer that is not finite, are declined.
template <class L>
void qr_vjp(const Call& call, const VjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = m < n ? m : n;
  const auto q = strided<L>(call.operand[0], m, k), r = strided<L>(call.operand[1], k, n), out = strided<L>(call.operand[4], m, n);
  const bool of_q = call.operand[2] != nullptr, of_r = call.operand[3] != nullptr;
  const auto gq = strided<L>(call.operand[2], m, k), gr = strided<L>(call.operand[3], k, n);
  const auto u = columns(r, 0, k), x = columns(out, 0, k);
  Mask<R> good = independent_lanes<L>(u);
  if (of_r) good &= product_holds<R>(largest<L>(call.operand[1], k * n), largest<L>(call.operand[3], k * n));
  if (of_r) product<L>(true, columns(gr, 0, k), false, u.transposed(), true, work.h, {Part::upper});
  if (of_q) product<L>(false, q.transposed(), true, gq, false, work.h, {Part::upper}, of_r);
  if (n > k) {
    const auto y = columns(out, k, n);
    if (of_r) product<L>(true, columns(r, k, n), false, columns(gr, k, n).transposed(), true, work.turn);
    if (of_r) product<L>(true, q, false, columns(gr, k, n), false, y);
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n - k; ++j) {
        if (!of_r) y.set(i, j, L::from_re(Vec<R>{}));
        good &= L::finite(y.get(i, j));
      }
  }
  mirror(work.h, work.turn);
  if (of_q && n == k) copy_lanes<L>(call.operand[2], call.operand[4], m * k);
  for (Index i = 0; of_q && n > k && i < m; ++i) copy_lanes<L>(gq.at(i, 0), x.at(i, 0), k);
  product<L>(true, q, false, work.h, false, x, {}, of_q);
  good &= solve_triangle<L>(u, false, false, true, false, x.transposed());
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(independent, NoWork)
BS_LANES_KERNEL(qr, QrWork)
BS_LANES_KERNEL(qr_vjp, VjpWork)
BS_LANES_KERNEL(qr_triangle, QrWork)
BS_LANES_KERNEL(qr_complete, QrWork)

}  // namespace backsolve::BS_ISA
