// Logarithms and powers of W general matrices side by side, and their derivatives: all with approximants of degree 7, each with as many
// square roots as it needs. Equations: native/kernels/triangular_functions.cc.
#include "../blocks/functions.h"
#include "../blocks/scalars.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

using R = double;
using C = ComplexLanes<R>;
using E = C::Element;
using S = Lower<R>;

/// Room of matrices, and of what is known of eigenvalues.
struct TriangleWork {
  Triangle m[5];
  Scalars scalars;
  TriangleWork(Arena& arena, Index n) : scalars(arena, n) {
    for (auto& x : m) x = take_strided<C>(arena, n, n);
  }
};

template <class F>
BS_INLINE void each_below(Index n, F f) {
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) f(i, j);
}
/// TO := c M + d I, the rest of the triangle zero.
__attribute__((noinline)) void combine(const Vec<R>& c, const Triangle& m, R d, const Triangle& to) {
  for (Index i = 0; i < m.rows; ++i)
    for (Index j = 0; j < m.cols; ++j) to.set(i, j, j > i ? S::zero() : C::plus_re(C::scale(m.get(i, j), c), splat<R>(i == j ? d : 0)));
}
/// M in lanes, the others as they are.
BS_INLINE void put(Mask<R> lanes, Triangle m, Triangle to) {
  each_below(m.rows, [&](Index i, Index j) { to.set(i, j, C::pick(lanes, m.get(i, j), to.get(i, j))); });
}
/// The largest sum of a column's magnitudes.
__attribute__((noinline)) Vec<R> one_norm(const Triangle& m) {
  Vec<R> most = Vec<R>{};
  for (Index j = 0; j < m.cols; ++j) {
    Vec<R> sum = Vec<R>{};
    for (Index i = j; i < m.rows; ++i) sum += vsqrt<R>(S::square(m.get(i, j)));
    most = sum > most ? sum : most;
  }
  return most;
}

/// Which lanes have a T - I that is too far from zero for the degree 7: by ‖(T - I)³‖^(1/3) and ‖(T - I)⁴‖^(1/4) (Higham & Lin 2013,
/// algorithm 5.1).
__attribute__((noinline)) Mask<R> too_far(const Triangle& t, R theta, const TriangleWork& work) {
  const Triangle a = work.m[1], square = work.m[2], product = work.m[3];
  combine(splat<R>(1), t, -1, a);
  Mask<R> far = Mask<R>{};
  for (Index i = 0; i < t.rows; ++i) far |= S::square(a.get(i, i)) > theta * theta;
  const Mask<R> near = ~far & (one_norm(a) <= theta);
  if (!any<R>(~(far | near))) return far;
  S::product(a, a, square);
  S::product(square, a, product);
  const R third = theta * theta * theta;
  far |= ~near & (one_norm(product) > third);
  S::product(square, square, product);
  return far | (~near & (one_norm(product) > third * theta));
}
/// R = L^(1/2^roots) - I in work.m[0].
__attribute__((noinline)) Mask<R> root_less_one(const Triangle& l, R theta, const Vec<R>& axis, const TriangleWork& work) {
  constexpr int kMost = 64;
  const Triangle t = work.m[0], spare = work.m[1];
  const auto& scalars = work.scalars;
  combine(splat<R>(1), l, 0, t);
  Mask<R> roots = Mask<R>{}, good = ~Mask<R>{};
  for (int k = 0; k < kMost; ++k) {
    const Mask<R> more = too_far(t, theta, work);
    if (!any<R>(more)) break;
    combine(splat<R>(1), t, 0, spare);
    good &= ~more | (S::root(spare, roots == 0 ? axis : Vec<R>{}) > 0x1p-660);
    put(more, spare, t);
    roots -= more;
    good &= roots < kMost;
  }
  scalars.find(l, axis, roots);
  const Vec<R> p = scalars.power(-roots);
  for (Index i = 0; i < l.rows; ++i) {
    t.set(i, i, scalars.root_minus_one(l.get(i, i), axis));
    if (i > 0) t.set(i, i - 1, C::mul(l.get(i, i - 1), C::pick(roots == 0, C::from_re(splat<R>(1)), scalars.power_difference(i, p))));
  }
  return good;
}

struct Log {
  static constexpr bool kSign = false;
  using Work = TriangleWork;
  using AlongWork = PairWork<Log>;
  /// 2^s Σ_k w_k R (I + x_k R)⁻¹ at the nodes x of Gauss and Legendre on [0, 1].
  __attribute__((noinline)) static Mask<R> apply(const Call&, Triangle l, const Rounding& rounding, const Work& work) {
    constexpr R kTheta = 2.879093714241194e-1;
    constexpr R kNodes[] = {0, 0.4058451513773971669066, 0.7415311855993944398639, 0.9491079123427585245262};
    constexpr R kWeights[] = {0.4179591836734693877551, 0.3818300505051189449504, 0.2797053914892766679015, 0.1294849661688696932706};
    const Index n = l.rows;
    const Triangle r = work.m[0], sum = work.m[1], left = work.m[2], right = work.m[3];
    const auto& scalars = work.scalars;
    const Mask<R> good = root_less_one(l, kTheta, rounding.axis, work);
    const Vec<R> back = scalars.power(scalars.roots());
    combine(Vec<R>{}, l, 0, sum);
    for (int k = -3; k <= 3; ++k) {
      const int at = k < 0 ? -k : k;
      combine(splat<R>((1 + (k < 0 ? -kNodes[at] : kNodes[at])) / 2), r, 1, left);
      combine(back * (kWeights[at] / 2), r, 0, right);
      S::solve(left, right);
      each_below(n, [&](Index i, Index j) { sum.set(i, j, S::plus(sum.get(i, j), right.get(i, j))); });
    }
    for (Index i = 0; i < n; ++i) {
      sum.set(i, i, scalars.log(i));
      if (i > 0) sum.set(i, i - 1, C::mul(l.get(i, i - 1), scalars.log_difference(i)));
    }
    each_below(n, [&](Index i, Index j) { l.set(i, j, sum.get(i, j)); });
    return good & scalars.nonzero();
  }
  static Mask<R> along(const Call& call, Triangle l, Triangle e, const Rounding& rounding, const AlongWork& work) {
    return along_by_pair<Log>(call, l, e, rounding, work);
  }
};

/// A coefficient of the continued fraction of (1 - x)ᵗ (Higham & Lin 2011, eq. 2.14).
BS_INLINE Vec<R> fraction_of(int i, Vec<R> t) {
  const R j = i / 2;
  if (i == 1) return -t;
  return i % 2 == 0 ? (t - j) / (2 * (2 * j - 1)) : (-j - t) / (2 * (2 * j + 1));
}
/// Lᵗ of t between -1 and 1, in work.m[1].
__attribute__((noinline)) Mask<R> fractional_part(const Triangle& l, const Vec<R>& t, const Vec<R>& axis, const TriangleWork& work) {
  constexpr R kTheta = 2.79e-1;
  constexpr int kTerms = 14;
  const Triangle r = work.m[0], y = work.m[1], left = work.m[2], next = work.m[3];
  const auto& scalars = work.scalars;
  const Mask<R> good = root_less_one(l, kTheta, axis, work);
  combine(-fraction_of(kTerms, t), r, 0, y);
  for (int j = kTerms - 1; j >= 1; --j) {
    combine(splat<R>(1), y, 1, left);
    combine(-fraction_of(j, t), r, 0, y);
    S::solve(left, y);
  }
  combine(splat<R>(1), y, 1, y);
  Mask<R> level = scalars.roots();
  scalars.mend(l, t * scalars.power(-level), ~Mask<R>{}, y);
  while (any<R>(level > 0)) {
    const Mask<R> more = level > 0;
    S::product(y, y, next);
    put(more, next, y);
    level += more;
    scalars.mend(l, t * scalars.power(-level), more, y);
  }
  return good;
}

struct Power {
  static constexpr bool kSign = false;
  using Work = TriangleWork;
  using AlongWork = PairWork<Power>;

  /// Which lanes lose less with the whole part above p than with the one below (Higham & Lin 2013, section 6); with L⁻¹ in `inverse`.
  __attribute__((noinline)) static Mask<R> above(const Triangle& l, R rest, const Triangle& inverse) {
    combine(Vec<R>{}, l, 1, inverse);
    S::solve(l, inverse);
    const Vec<R> condition = vlog<R>(one_norm(l) * one_norm(inverse));
    return (1 - 2 * rest) * condition + vlog<R>(splat<R>(rest)) > vlog<R>(splat<R>(1 - rest));
  }
  /// Y := L^count Y with L in `square`, which is lost; count > 0.
  static void multiply(R count, Triangle square, Triangle y, Triangle spare) {
    const auto times = [&](Triangle to) {
      S::product(square, to, spare);
      combine(splat<R>(1), spare, 0, to);
    };
    for (; count > 0; count = __builtin_floor(count / 2)) {
      if (__builtin_fmod(count, 2) == 1) times(y);
      if (count > 1) times(square);
    }
  }
  __attribute__((noinline)) static Mask<R> apply(const Call& call, Triangle l, const Rounding& rounding, const Work& work) {
    const R p = call.attrs[0], low = __builtin_fabs(p) < 1 ? 0 : __builtin_floor(p);
    const Triangle base = work.m[4], y = work.m[1], square = work.m[2], spare = work.m[3];
    Mask<R> up = Mask<R>{};
    if (low != 0) up = above(l, p - low, base);
    const Mask<R> good = fractional_part(l, p - low - (up != 0 ? splat<R>(1) : Vec<R>{}), rounding.axis, work);
    if (low != 0) {
      if (low > 0) combine(splat<R>(1), l, 0, base);
      const R least = low > 0 ? low : -low - 1;
      const Mask<R> once_more = low > 0 ? up : ~up;
      combine(splat<R>(1), base, 0, square);
      multiply(least, square, y, spare);
      S::product(base, y, spare);
      put(once_more, spare, y);
    }
    each_below(l.rows, [&](Index i, Index j) { l.set(i, j, y.get(i, j)); });
    return good & work.scalars.nonzero();
  }
  static Mask<R> along(const Call& call, Triangle l, Triangle e, const Rounding& rounding, const AlongWork& work) {
    return along_by_pair<Power>(call, l, e, rounding, work);
  }
};

BS_LANES_FUNCTION(logm, Log)
BS_LANES_FUNCTION(fractional_power, Power)

}  // namespace

BS_LANES_KERNEL(logm, logm_work)
BS_LANES_KERNEL(logm_along, logm_along_work)
BS_LANES_KERNEL(logm_vjp, logm_vjp_work)
BS_LANES_KERNEL(fractional_power, fractional_power_work)
BS_LANES_KERNEL(fractional_power_along, fractional_power_along_work)
BS_LANES_KERNEL(fractional_power_vjp, fractional_power_vjp_work)

}  // namespace backsolve::BS_ISA
