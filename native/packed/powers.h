// Powers of small matrices with whole exponents: all products of an item, or of as many as fit the first-level cache, before the next.
#pragma once
#include "products.h"

namespace backsolve::BS_ISA {

/// The products of A^p, p > 1, from the lowest bit of p on, as somebody multiplies who squares A; the last one is the result.
struct PowerSteps {
  enum Factor : int { kGiven = 3, kResult = 4, kNobody = 5 };  // below these three rooms
  struct Step {
    int left, right, to;
  };
  Step step[2 * 64];
  int steps = 0;

  BS_INLINE explicit PowerSteps(uint64_t p) {
    int square = kGiven, product = kNobody;
    const auto multiply = [&](int left, bool last) {
      int to = 0;
      while (to == square || to == product) ++to;
      step[steps++] = {left, square, last ? static_cast<int>(kResult) : to};
      return step[steps - 1].to;
    };
    for (uint64_t left = p; left > 0; left /= 2) {
      if (left % 2 == 1) product = product == kNobody ? square : multiply(product, left == 1);
      if (left > 1) square = multiply(square, left / 2 == 1 && product == kNobody);
    }
  }
};

/// Rows of N columns in memory, where N is 3 with a zero more. The sums are those of `products`, bit by bit.
template <class R, int N>
struct FewRows {
  static constexpr int kStride = N == 3 ? 4 : N;
  using Row = Piece<R, kStride>;
  static BS_INLINE void multiply(const R* a, const R* b, R* to) {
    Row row[N];
    BS_UNROLL for (int k = 0; k < N; ++k) row[k] = load_piece<R, kStride>(b + k * kStride);
    BS_UNROLL for (int i = 0; i < N; ++i) {
      Row sum = {};
      BS_UNROLL for (int k = 0; k < N; ++k) sum += a[i * kStride + k] * row[k];
      store_piece<R, kStride>(to + i * kStride, sum);
    }
  }
};
/// 2 x 2 in one register.
template <class R>
struct FewRows<R, 2> {
  static constexpr int kStride = 2;
  static BS_INLINE void multiply(const R* a, const R* b, R* to) {
    const Piece<R, 4> x = load_piece<R, 4>(a), y = load_piece<R, 4>(b);
    Piece<R, 4> sum = {};
    sum += __builtin_shufflevector(x, x, 0, 0, 2, 2) * __builtin_shufflevector(y, y, 0, 1, 0, 1);
    sum += __builtin_shufflevector(x, x, 1, 1, 3, 3) * __builtin_shufflevector(y, y, 2, 3, 2, 3);
    store_piece<R, 4>(to, sum);
  }
};

/// Of N x N matrices. A step is taken by several items, one after the other, as each waits for its steps before.
template <class R, int N>
static __attribute__((noinline)) void few_powers(const PowerSteps& power, const void* const* a, const void* const* y, Index count) {
  using Rows = FewRows<R, N>;
  constexpr int kStride = Rows::kStride, kTogether = 8;
  constexpr bool kPadded = kStride != N;
  alignas(64) R own[kTogether][kPadded ? 5 : 3][N * kStride] = {};
  R* of[kTogether][5];
  for (int j = 0; j < kTogether; ++j)
    for (int f = 0; f < (kPadded ? 5 : 3); ++f) of[j][f] = own[j][f];
  for (Index i = 0; i < count; i += kTogether) {
    const int here = count - i < kTogether ? static_cast<int>(count - i) : kTogether;
    BS_SCALAR for (int j = 0; j < here; ++j) {
      R* const given = static_cast<R*>(const_cast<void*>(a[i + j]));
      if (!kPadded) of[j][PowerSteps::kGiven] = given, of[j][PowerSteps::kResult] = static_cast<R*>(const_cast<void*>(y[i + j]));
      for (int e = 0; kPadded && e < N * N; ++e) of[j][PowerSteps::kGiven][e / N * kStride + e % N] = given[e];
    }
    for (const PowerSteps::Step* s = power.step; s != power.step + power.steps; ++s)
      BS_SCALAR for (int j = 0; j < here; ++j) Rows::multiply(of[j][s->left], of[j][s->right], of[j][s->to]);
    BS_SCALAR for (int j = 0; kPadded && j < here; ++j) {
      R* const result = static_cast<R*>(const_cast<void*>(y[i + j]));
      for (int e = 0; e < N * N; ++e) result[e] = of[j][PowerSteps::kResult][e / N * kStride + e % N];
    }
  }
}

/// Y = A^p of n x n matrices, p >= 1, n at most packed::kMostPowers; lists are of A and Y.
template <class R>
static void powers(Index n, uint64_t p, const void* const* const* lists, Index count) {
  if (p == 1) {
    for (Index i = 0; i < count; ++i) __builtin_memcpy(const_cast<void*>(lists[1][i]), lists[0][i], static_cast<size_t>(n * n) * sizeof(R));
    return;
  }
  const PowerSteps power(p);
  if (n == 2) return few_powers<R, 2>(power, lists[0], lists[1], count);
  if (n == 3) return few_powers<R, 3>(power, lists[0], lists[1], count);
  if (n == 4) return few_powers<R, 4>(power, lists[0], lists[1], count);
  if constexpr (kRows == 8)  // registers for the rows of a factor and of a product
    if (n == 8) return few_powers<R, 8>(power, lists[0], lists[1], count);
  constexpr Index kItems = 16, kNear = 512;  // reals of a room, so that three stay near
  static_assert(packed::kMostPowers * packed::kMostPowers <= kNear);
  if (n == 0) return;
  alignas(64) R room[3][kNear];
  const Index of_item = n * n, fit = kNear / of_item, together = fit < kItems ? fit : kItems;
  const void* own[3][kItems];
  for (int r = 0; r < 3; ++r)
    for (Index i = 0; i < together; ++i) own[r][i] = room[r] + i * of_item;
  for (Index i = 0; i < count; i += together) {
    const void* const* const of[] = {own[0], own[1], own[2], lists[0] + i, lists[1] + i};
    const Index here = count - i < together ? count - i : together;
    for (const PowerSteps::Step* s = power.step; s != power.step + power.steps; ++s) {
      const void* const* const factors[] = {of[s->left], of[s->right], of[s->to]};
      products<R>({false, false, n, n, n}, factors, here);
    }
  }
}

}  // namespace backsolve::BS_ISA
