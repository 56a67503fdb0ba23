// Products of W pairs of matrices side by side, of so few columns and inner elements that B stays in registers while the rows of A pass.
#pragma once
#include "strided.h"

namespace backsolve::BS_ISA {

constexpr int kSmallProduct = 4;  // columns and inner elements
constexpr int kSmallVector = 8;   // inner elements of a single column

/// C = A B of `rows` rows, K by N of B, which lies as it is or transposed: Σ_k A(i,k) B(k,j) in the order of k, as Product has it.
template <class L, int K, int N>
struct SmallProduct {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr Index V = W<R> * L::planes;
  static constexpr bool kHolds = K * N * L::planes <= (BS_VECTOR_BYTES == 64 ? 16 : 8);  // B, beside a row of C and an element of A
  Index rows, row_a, col_a, row_c, col_c;                                                // strides in reals
  Bits<R> sign_a;                                                                        // that conjugates its elements

  template <bool Transposed, bool Conj>
  BS_INLINE static E element(const R* b, int k, int j) {
    const E x = L::load(b + (Transposed ? j * K + k : k * N + j) * V);
    return Conj ? L::conj(x) : x;
  }
  template <bool Transposed, bool Conj>
  BS_INLINE static void hold(const R* b, E (&held)[K][N]) {
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < N; ++j) held[k][j] = element<Transposed, Conj>(b, k, j);
  }
  template <class F>
  BS_INLINE void each_row(const R* a, R* c, F&& of_b) const {
    for (Index i = 0; i < rows; ++i, a += row_a, c += row_c) {
      E sum[N];
      for (int j = 0; j < N; ++j) sum[j] = L::from_re(Vec<R>{});
      for (int k = 0; k < K; ++k) {
        const E x = L::conj_by(sign_a, L::load(a + k * col_a));
        for (int j = 0; j < N; ++j) sum[j] = L::plus(sum[j], x, of_b(k, j));
      }
      for (int j = 0; j < N; ++j) L::store(c + j * col_c, sum[j]);
    }
  }
  /// Conjugated as it is Transposed, or as it is not.
  template <bool Opposite>
  BS_INLINE void run(bool transposed, const R* a, const R* b, R* c) const {
    if constexpr (kHolds) {
      E held[K][N];
      if (transposed)
        hold<true, !Opposite>(b, held);
      else
        hold<false, Opposite>(b, held);
      each_row(a, c, [&](int k, int j) { return held[k][j]; });
    } else if (transposed) {
      each_row(a, c, [&](int k, int j) { return element<true, !Opposite>(b, k, j); });
    } else {
      each_row(a, c, [&](int k, int j) { return element<false, Opposite>(b, k, j); });
    }
  }
};

/// C = op(A) op(B), or with Turned Cᵀ = op(B)ᵀ op(A)ᵀ, of which A has few rows. Operands and attributes as matmul has them.
template <class L, int K, int N, bool Turned>
bool small_product(const Call& call, const Index* step, Index groups, std::int32_t* info) {
  using R = typename L::Real;
  using P = SmallProduct<L, K, N>;
  const bool adjoint_a = call.attrs[Turned] != 0, adjoint_b = call.attrs[!Turned] != 0;  // from here on by what they are to P
  const Index rows = call.dims[Turned ? 2 : 0], V = P::V;
  const bool by_rows = adjoint_a == Turned;  // whether the rows of P's A lie one after the other
  const P p{rows,
            by_rows ? K * V : V,
            by_rows ? V : rows * V,
            Turned ? V : N * V,
            Turned ? rows * V : V,
            adjoint_a ? Bits<R>{} + Ieee<R>::sign : Bits<R>{}};
  const char *a = call.vector<char>(Turned), *b = call.vector<char>(!Turned);
  char* c = call.vector<char>(2);
  for (Index g = 0; g < groups; ++g, a += step[Turned], b += step[!Turned], c += step[2]) {
    p.template run<Turned>(adjoint_b != Turned, reinterpret_cast<const R*>(a), reinterpret_cast<const R*>(b), reinterpret_cast<R*>(c));
  }
  if (info != nullptr) __builtin_memset(info, 0, sizeof(std::int32_t) * W<R>);
  return true;
}

template <class L, bool Turned, int K>
BS_INLINE GroupsKernel small_product_of(Index k, Index n) {
  if constexpr (K <= kSmallVector) {
    if (k != K) return small_product_of<L, Turned, K + 1>(k, n);
    if (n == 1) return small_product<L, K, 1, Turned>;
    if constexpr (K <= kSmallProduct) {
      if (n == 2) return small_product<L, K, 2, Turned>;
      if (n == 3) return small_product<L, K, 3, Turned>;
      if (n == 4) return small_product<L, K, 4, Turned>;
    }
  }
  return nullptr;
}
template <class L>
GroupsKernel small_matmul(const Call& call) {
  const Index m = call.dims[0], k = call.dims[1], n = call.dims[2];
  const GroupsKernel kernel = small_product_of<L, false, 1>(k, n);
  return kernel != nullptr ? kernel : small_product_of<L, true, 1>(k, m);
}

}  // namespace backsolve::BS_ISA
