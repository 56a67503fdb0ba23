// Systems of 2 to 4 rows, of W matrices side by side: what lu.h computes, in its order, from registers to registers.
#pragma once
#include "lu.h"

namespace backsolve::BS_ISA {

/// A of order N, and K columns beside it.
template <class L, int N, int K>
struct SmallLu {
  using R = typename L::Real;
  using E = typename L::Element;
  E a[N][N], x[N][K], by[N];  // factors; right-hand sides, then the answer; reciprocals of pivots
  Mask<R> pivot[N];           // which row each was exchanged with
  Vec<R> defect = Vec<R>{};   // of A and the right-hand sides

  template <int Columns>
  BS_INLINE void load(const void* p, E (&m)[N][Columns]) {
    const auto from = strided<L>(const_cast<void*>(p), N, Columns);
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < Columns; ++j) {
        m[i][j] = from.get(i, j);
        defect += L::defect(m[i][j]);
      }
    }
  }
  BS_INLINE void load_columns(const void* b) { load(b, x); }
  BS_INLINE void load_matrix(const void* m) { load(m, a); }
  BS_INLINE void load_factors(const void* lu, const std::int32_t* pivots) {
    const auto from = strided<L>(const_cast<void*>(lu), N, N);
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N; ++j) a[i][j] = from.get(i, j);
      by[i] = reciprocal(a[i][i]);
      pivot[i] = load_pivot<R>(pivots, i);
    }
  }
  BS_INLINE void diagonal(E d) {
    for (int i = 0; i < N; ++i) {
      BS_UNROLL for (int k = 0; k < K; ++k) x[i][k] = i == k ? d : L::from_re(Vec<R>{});
    }
  }
  /// Of zero, one: whoever calls has looked.
  BS_INLINE static E reciprocal(E d) { return L::inverse(L::pick(L::is_zero(d), L::from_re(splat<R>(1)), d)); }

  /// Rows j and pivot[j] of `m` exchanged, from column `first` on.
  template <int Columns>
  BS_INLINE void exchange_rows(E (&m)[N][Columns], int j) const {
    for (int i = j + 1; i < N; ++i) {
      const Mask<R> here = pivot[j] == splat_index<R>(i);
      for (int c = 0; c < Columns; ++c) {
        const E upper = m[j][c];
        m[j][c] = L::pick(here, m[i][c], upper);
        m[i][c] = L::pick(here, upper, m[i][c]);
      }
    }
  }
  /// P A = L U, and with `forward` X := L⁻¹ P X. Returns per lane the column of the first zero pivot, from 1.
  BS_INLINE Mask<R> factor(bool forward) {
    Mask<R> zero = Mask<R>{};
    for (int j = 0; j < N; ++j) {
      Vec<R> best = L::size1(a[j][j]);
      pivot[j] = splat_index<R>(j);
      for (int i = j + 1; i < N; ++i) {
        const Vec<R> size = L::size1(a[i][j]);
        const Mask<R> larger = size > best;
        best = larger ? size : best;
        pivot[j] = larger ? splat_index<R>(i) : pivot[j];
      }
      exchange_rows(a, j);
      zero = (zero == 0) & L::is_zero(a[j][j]) ? splat_index<R>(j + 1) : zero;
      by[j] = reciprocal(a[j][j]);
      for (int i = j + 1; i < N; ++i) {
        a[i][j] = L::mul(a[i][j], by[j]);
        for (int c = j + 1; c < N; ++c) a[i][c] = L::minus(a[i][c], a[i][j], a[j][c]);
      }
    }
    if (forward) solve_lower();
    return zero;
  }
  BS_INLINE void solve_lower() {
    for (int j = 0; j < N; ++j) exchange_rows(x, j);
    for (int j = 0; j < N; ++j) {
      for (int i = j + 1; i < N; ++i) {
        BS_UNROLL for (int k = 0; k < K; ++k) x[i][k] = L::minus(x[i][k], a[i][j], x[j][k]);
      }
    }
  }
  /// X := U⁻¹ X
  BS_INLINE void solve_upper() {
    for (int i = N - 1; i >= 0; --i) {
      for (int k = 0; k < K; ++k) {
        for (int j = i + 1; j < N; ++j) x[i][k] = L::minus(x[i][k], a[i][j], x[j][k]);
        x[i][k] = L::mul(x[i][k], by[i]);
      }
    }
  }
  /// X := Pᵀ L⁻ᴴ U⁻ᴴ X
  BS_INLINE void solve_adjoint() {
    for (int i = 0; i < N; ++i) {
      for (int k = 0; k < K; ++k) {
        for (int j = 0; j < i; ++j) x[i][k] = L::minus_conj(x[i][k], x[j][k], a[j][i]);
        x[i][k] = L::mul(x[i][k], L::conj(by[i]));
      }
    }
    for (int i = N - 1; i >= 0; --i) {
      for (int k = 0; k < K; ++k) {
        for (int j = i + 1; j < N; ++j) x[i][k] = L::minus_conj(x[i][k], x[j][k], a[j][i]);
      }
    }
    for (int j = N - 1; j >= 0; --j) exchange_rows(x, j);
  }
  /// Stores X; returns which lanes of it are finite.
  BS_INLINE Mask<R> store_columns(void* to) const {
    const auto out = strided<L>(to, N, K);
    Vec<R> of_answer = Vec<R>{};
    for (int i = 0; i < N; ++i) {
      for (int k = 0; k < K; ++k) {
        out.set(i, k, x[i][k]);
        of_answer += L::defect(x[i][k]);
      }
    }
    return of_answer == Vec<R>{};
  }
  BS_INLINE void store_factors(void* lu, void* pivots) const {
    const auto out = strided<L>(lu, N, N);
    for (int i = 0; i < N; ++i) {
      for (int j = 0; j < N && lu != nullptr; ++j) out.set(i, j, a[i][j]);
      for (int w = 0; w < W<R> && pivots != nullptr; ++w)
        static_cast<std::int32_t*>(pivots)[i * W<R> + w] = static_cast<std::int32_t>(pivot[i][w]);
    }
  }
};

/// Calls f<N, K> for orders of 2 to 4 and one column, or as many as rows; false: of others.
template <class F>
BS_INLINE bool if_small(Index n, Index k, F&& f) {
  if (k != 1 && k != n) return false;
  if (n == 2) return k == 1 ? f.template operator()<2, 1>() : f.template operator()<2, 2>();
  if (n == 3) return k == 1 ? f.template operator()<3, 1>() : f.template operator()<3, 3>();
  if (n == 4) return k == 1 ? f.template operator()<4, 1>() : f.template operator()<4, 4>();
  return false;
}

}  // namespace backsolve::BS_ISA
