// The closed loop of Riccati's equations: whether it is stable, and Newton's method with it. docs/derivations/riccati.md
#pragma once
#include <algorithm>

#include "schur.h"

namespace backsolve::ops {

using la::Inside;

/// What a closed loop of n states and k inputs is made of, in units that the caller chooses, and room for what comes of it.
template <class T>
struct ClosedLoop {
  Index n, k;
  Matrix<T> a, b, q, r, x;
  Matrix<T> weight, product, gain, loop, residual, spare, forced;  // weight: the factors of R, or of R + Bᴴ X B
  SchurWork<T> schur;
  Pivot* own;
  ClosedLoop(Arena& arena, Index states, Index inputs, bool fits) : n(states), k(inputs), schur(arena, fits ? n : 0) {
    if (!fits) return;
    for (auto* m : {&a, &q, &x, &loop, &residual, &spare, &forced}) *m = arena.matrix<T>(n, n);
    for (auto* m : {&r, &weight}) *m = arena.matrix<T>(k, k);
    for (auto* m : {&product, &gain}) *m = arena.matrix<T>(k, n);
    b = arena.matrix<T>(n, k);
    own = arena.take<Pivot>(k);
  }
};

/// The largest sum of a column's magnitudes.
template <class T>
Real<T> norm1(Matrix<const T> m, bool skew) {
  Real<T> most = 0;
  for (Index p = 0; p < m.cols; ++p) {
    Real<T> sum = 0;
    for (Index i = 0; i < m.rows; ++i) sum += std::abs(skew ? m(i, p) - conj(m(p, i)) : m(i, p));
    most = std::max(most, sum);
  }
  return most;
}

/// Of X in `x`: Bᴴ X, the gain G and the closed loop A - B G, in the caller's units.
template <Inside inside, class T>
std::int32_t close_loop(const ClosedLoop<T>& w) {
  la::gemm<T>(1, la::Op::adjoint, read(w.b), la::Op::none, read(w.x), 0, w.product);
  if (inside == Inside::left_half) {
    copy(read(w.product), w.gain);
  } else {
    copy(read(w.r), w.weight);
    la::gemm<T>(1, la::Op::none, read(w.product), la::Op::none, read(w.b), 1, w.weight);
    la::gemm<T>(1, la::Op::none, read(w.product), la::Op::none, read(w.a), 0, w.gain);
    lu(w.weight, w.own);
    for (Index i = 0; i < w.k; ++i)
      if (w.weight(i, i) == T(0)) return make_info(Fail::no_stabilizing);
  }
  lu_solve(read(w.weight), w.own, false, w.gain);
  copy(read(w.a), w.loop);
  la::gemm<T>(-1, la::Op::none, read(w.b), la::Op::none, read(w.gain), 1, w.loop);
  return all_finite(read(w.loop)) ? 0 : make_info(Fail::overflow);
}
/// Whether the closed loop is stable for all that its eigenvalues tell: of a pair that nothing stabilizes rounding may part eigenvalues on
/// the border into some inside and some outside.
template <Inside inside, class T>
std::int32_t check_stable(const ClosedLoop<T>& w) {
  using R = Real<T>;
  copy(read(w.loop), w.schur.form.l);
  if (const auto info = schur_form(w.schur); info != 0) return info;
  R most = 0, off = std::numeric_limits<R>::infinity();
  for (Index i = 0; i < w.n; ++i) {
    const auto value = w.schur.form.values[i];
    most = std::max(most, std::abs(value));
    off = std::min(off, inside == Inside::left_half ? -value.real() : 1 - std::abs(value));
  }
  const R noise = R(w.n) * std::numeric_limits<R>::epsilon() * (inside == Inside::left_half ? most : R(1));
  return off > noise ? 0 : make_info(Fail::no_stabilizing);
}

/// What the closed loop leaves: Aᴴ X + X A + Q - (Bᴴ X)ᴴ G, or Kᴴ X K - X + Q + Gᴴ R G, in which errors of G count by their squares.
template <Inside inside, class T>
void find_residual(const ClosedLoop<T>& w) {
  if (inside == Inside::left_half) {
    la::gemm<T>(2, la::Op::adjoint, read(w.a), la::Op::none, read(w.x), 0, w.residual);
    la::gemm<T>(-1, la::Op::adjoint, read(w.product), la::Op::none, read(w.gain), 1, w.residual);
  } else {
    la::gemm<T>(1, la::Op::none, read(w.x), la::Op::none, read(w.loop), 0, w.spare);
    la::gemm<T>(1, la::Op::adjoint, read(w.loop), la::Op::none, read(w.spare), 0, w.residual);
    la::gemm<T>(1, la::Op::none, read(w.r), la::Op::none, read(w.gain), 0, w.product);
    la::gemm<T>(1, la::Op::adjoint, read(w.gain), la::Op::none, read(w.product), 1, w.residual);
  }
  for (Index i = 0; i < w.n; ++i)
    for (Index p = 0; p < w.n; ++p) w.residual(i, p) += w.q(i, p) - (inside == Inside::left_half ? T(0) : w.x(i, p));
  symmetrize(w.residual);
}
/// D of Kᴴ D + D K + M = 0 in the place of M, by the Schur form of K; whether there is one.
template <class T>
bool solve_continuous(const ClosedLoop<T>& w) {
  const auto &l = w.schur.form.l, &v = w.schur.form.w;
  const Matrix<T> y = w.forced;
  Real<T> scale = 1;
  to_schur(read(v), read(v), read(w.residual), w.spare, y);
  if (!quasi_triangular_sylvester(la::Op::adjoint, read(l), la::Op::none, read(l), y, &scale)) return false;
  return from_schur(read(v), read(v), y, -scale, 0, w.spare, w.residual) == 0;
}
/// Likewise D of Kᴴ D K - D + M = 0: D := D + Kᴴ D K, K := K K until K is small (Smith 1968). K is lost.
template <class T>
bool solve_discrete(const ClosedLoop<T>& w) {
  constexpr int kMost = 48;
  constexpr Real<T> kSmall = Real<T>(1e-4);
  for (int round = 0; round < kMost; ++round) {
    const Real<T> size = norm1(read(w.loop), false);
    if (size <= kSmall) return all_finite(read(w.residual));
    if (!std::isfinite(size)) return false;
    la::gemm<T>(1, la::Op::none, read(w.residual), la::Op::none, read(w.loop), 0, w.spare);
    la::gemm<T>(1, la::Op::adjoint, read(w.loop), la::Op::none, read(w.spare), 1, w.residual);
    la::gemm<T>(1, la::Op::none, read(w.loop), la::Op::none, read(w.loop), 0, w.spare);
    copy(read(w.spare), w.loop);
  }
  return false;
}
/// Newton's method (Kleinman 1968) for X in `x`, as long as its changes shrink: of a subspace that is known to within ε X may have half
/// the digits. Of the continuous equation all with the Schur form of the first closed loop.
template <Inside inside, class T>
void refine(const ClosedLoop<T>& w) {
  constexpr int kRounds = 3;
  using R = Real<T>;
  R allowed = norm1(read(w.x), false) / 16;
  for (int round = 0; round < kRounds; ++round) {
    if (round > 0 && close_loop<inside>(w) != 0) return;
    find_residual<inside>(w);
    if (!(inside == Inside::left_half ? solve_continuous(w) : solve_discrete(w))) return;
    symmetrize(w.residual);
    const R change = norm1(read(w.residual), false);
    if (!(change <= allowed)) return;
    for (Index i = 0; i < w.n; ++i)
      for (Index p = 0; p < w.n; ++p) w.x(i, p) += w.residual(i, p);
    if (change <= std::sqrt(std::numeric_limits<R>::epsilon()) * norm1(read(w.x), false) / 64) return;
    allowed = change / 16;
  }
}

}  // namespace backsolve::ops
