// Square roots and signs of W general matrices side by side, and their derivatives. Equations: native/kernels/triangular_functions.cc.
#include "../blocks/functions.h"

#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

using C = ComplexLanes<double>;
using S = Lower<double>;

/// Squares of sums of eigenvalues above this divide as they should; the single kernel looks what is below.
constexpr double kTiny = 0x1p-660;

struct NoRoom {
  NoRoom(Arena&, Index) {}
};
struct Root {
  static constexpr bool kSign = false;
  using Work = NoRoom;
  using AlongWork = NoRoom;
  static Mask<double> apply(const Call&, Triangle l, const Rounding& rounding, const Work&) { return S::root(l, rounding.axis) > kTiny; }
  /// X with R X + X R = E of R² = L.
  static Mask<double> along(const Call&, Triangle l, Triangle e, const Rounding& rounding, const Work&) {
    const Mask<double> good = S::root(l, rounding.axis) > kTiny;
    return good & (S::sylvester(l, l, e) > kTiny);
  }
};

struct SignWork {
  Triangle s;
  SignWork(Arena& arena, Index n) : s(take_strided<C>(arena, n, n)) {}
};
/// s_ij of S² = I where s_ii = s_jj, else of S L = L S.
BS_INLINE C::Element sign_of_pair(Triangle l, Triangle s, Index i, Index j, Vec<double> own, Vec<double> other) {
  auto square = S::zero(), both = S::zero();
  for (Index k = j + 1; k < i; ++k) {
    square = C::minus(square, s.get(i, k), s.get(k, j));
    both = C::minus(S::add(both, l.get(i, k), s.get(k, j)), s.get(i, k), l.get(k, j));
  }
  const Mask<double> same = own == other;
  both = S::plus(both, C::scale(l.get(i, j), other - own));
  const auto apart = S::plus(l.get(j, j), C::negate(l.get(i, i)));
  return C::mul(C::pick(same, square, both), C::inverse(C::pick(same, C::from_re(own + own), apart)));
}
struct Sign {
  static constexpr bool kSign = true;
  using Work = SignWork;
  using AlongWork = PairWork<Sign>;
  __attribute__((noinline)) static Mask<double> apply(const Call&, Triangle l, const Rounding&, const Work& work) {
    const Vec<double> one = splat<double>(1);
    const auto sign = [&](Index i) { return vcopysign<double>(one, l.get(i, i).re); };
    for (Index i = 0; i < l.rows; ++i) {
      work.s.set(i, i, C::from_re(sign(i)));
      for (Index j = i - 1; j >= 0; --j) work.s.set(i, j, sign_of_pair(l, work.s, i, j, sign(i), sign(j)));
    }
    for (Index i = 0; i < l.rows; ++i)
      for (Index j = 0; j <= i; ++j) l.set(i, j, work.s.get(i, j));
    return ~Mask<double>{};
  }
  static Mask<double> along(const Call& call, Triangle l, Triangle e, const Rounding& rounding, const AlongWork& work) {
    return along_by_pair<Sign>(call, l, e, rounding, work);
  }
};

BS_LANES_FUNCTION(sqrtm, Root)
BS_LANES_FUNCTION(signm, Sign)

}  // namespace

BS_LANES_KERNEL(sqrtm, sqrtm_work)
BS_LANES_KERNEL(sqrtm_along, sqrtm_along_work)
BS_LANES_KERNEL(sqrtm_vjp, sqrtm_vjp_work)
BS_LANES_KERNEL(signm, signm_work)
BS_LANES_KERNEL(signm_along, signm_along_work)
BS_LANES_KERNEL(signm_vjp, signm_vjp_work)

}  // namespace backsolve::BS_ISA
