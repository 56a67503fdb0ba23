// W matrices balanced by powers of two, as LAPACK's gebal with "S": A := D⁻¹ A D, whose rows and columns are about as long (James, Langou &
// Lowery 2014, arXiv 1401.5766).
#pragma once
#include "hessenberg.h"

namespace backsolve::BS_ISA {

template <class L>
struct Balance {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr int kRounds = 64;
  static constexpr int kMost = sizeof(R) == 8 ? 400 : 50;  // of D's exponents

  Strided<L> a;
  R* d;  // n vectors: the exponents of D, as numbers

  /// Lanes that are not to be gone on with here: whose row or column is zero beside the diagonal, so that LAPACK takes the eigenvalue from
  /// there; which need a D beyond kMost; of which balancing has left so little that digits are lost. A is near 1, or moderate, before and
  /// after.
  __attribute__((noinline)) Mask<R> run(Mask<R>& exponent) const {
    const Index n = a.rows;
    Mask<R> declined = Mask<R>{};
    for (Index i = 0; i < n; ++i) store<R>(d + i * W<R>, Vec<R>{});
    bool moved = n > 1;
    for (int round = 0; moved && round < kRounds; ++round) {
      moved = false;
      for (Index i = 0; i < n; ++i) {
        Vec<R> down = Vec<R>{}, along = Vec<R>{};
        for (Index j = 0; j < n; ++j) {
          if (j == i) continue;
          down += L::size1(a.get(j, i));
          along += L::size1(a.get(i, j));
        }
        const Mask<R> none = (down == Vec<R>{}) | (along == Vec<R>{});
        if (round == 0) declined |= none;
        moved |= balance(i, none, down, along, declined);
      }
    }
    return declined | resize(exponent);
  }

 private:
  /// A over a further 2^e where it is small next to 1, e added to its exponent; which lanes have lost digits before, or have no such
  /// exponent.
  BS_INLINE Mask<R> resize(Mask<R>& exponent) const {
    constexpr R kSmall = 1 / power_of_two<R>(kGeneralPower<R>), kLost = 1 / power_of_two<R>(2 * kMost);
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < a.rows; ++j) {
        const Vec<R> size = L::size1(a.get(i, j));
        most = size > most ? size : most;
      }
    const Mask<R> small = (most < splat<R>(kSmall)) & (most > Vec<R>{}), lost = small & (most < splat<R>(kLost));
    if (!any<R>(small)) return lost;
    const Mask<R> e = small & ~lost ? Size<L>::exponent_in(most) - 1 : Mask<R>{}, sum = exponent + e;
    const Vec<R> by = power_of_two<R>(-e);
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < a.rows; ++j) a.set(i, j, L::scale(a.get(i, j), by));
    const Mask<R> beyond = sum < 2 - static_cast<int>(Ieee<R>::bias);
    exponent = beyond ? Mask<R>{} : sum;
    return lost | beyond;
  }
  /// Column i times 2^k and row i by 2^-k, k half the difference of their exponents, where that makes them shorter; whether some lane was.
  BS_INLINE bool balance(Index i, Mask<R> none, Vec<R> down, Vec<R> along, Mask<R>& declined) const {
    const Vec<R> on = L::size1(a.get(i, i)), before = load<R>(d + i * W<R>);
    down += on, along += on;
    Mask<R> k = (Size<L>::exponent_in(along) - Size<L>::exponent_in(down)) >> 1;
    const Vec<R> after = before + __builtin_convertvector(k, Vec<R>);
    const Mask<R> far = vabs<R>(after) > splat<R>(R(kMost));
    declined |= far & ~none;
    k = none | far ? Mask<R>{} : k;
    const Vec<R> f = power_of_two<R>(k), g = power_of_two<R>(-k);
    const Mask<R> shorter = (k != 0) & (down * f + rounded<R>(along * g) < R(0.95) * (down + along));
    if (!any<R>(shorter)) return false;
    const Vec<R> one = splat<R>(1), by = shorter ? f : one, over = shorter ? g : one;
    store<R>(d + i * W<R>, shorter ? after : before);
    for (Index j = 0; j < a.rows; ++j) {
      if (j == i) continue;
      a.set(j, i, L::scale(a.get(j, i), by));
      a.set(i, j, L::scale(a.get(i, j), over));
    }
    return true;
  }
};

}  // namespace backsolve::BS_ISA
