// Least squares of W problems side by side by Householder reflections, and their adjoints. Equations: native/kernels/lstsq.cc.
//
// The scaling of A by c = 2^a is that of native/kernels/least_squares.h; B and X̄ are scaled by c, too. Lanes that need a q of their own,
// whose squares leave the exponents, that have columns so small that the single kernel scales them, whose rank is in doubt, whose answer
// overflows on the way, or that ask for the normal equations are declined.
#include "../../kernels/scaling.h"
#include "../blocks/reflections.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// 2^-exponent(most) of native/kernels/least_squares.h.
template <class R>
BS_INLINE Vec<R> inverse_power(Vec<R> most) {
  constexpr R kMost = power_of_two<R>(kMostPower<R>);
  most = most == Vec<R>{} ? splat<R>(1) : most;
  most = most < splat<R>(1 / kMost) ? splat<R>(1 / kMost) : most;
  most = most > splat<R>(kMost) ? splat<R>(kMost) : most;
  return from_bits<R>(2 * Ieee<R>::bias * Ieee<R>::unit - exponent_of<R>(most));
}
/// The scaling of A, 2^power_for(most), from inverse_power.
template <class R>
BS_INLINE Vec<R> scaling(Vec<R> inverse) {
  constexpr R kModerate = power_of_two<R>(kModeratePower<R>);
  return ((inverse < splat<R>(1 / kModerate)) | (inverse > splat<R>(kModerate))) ? inverse : splat<R>(1);
}
/// Whether q of native/kernels/least_squares.h is 0.
template <class R>
BS_INLINE Mask<R> moderate(Vec<R> lambda, Vec<R> inverse) {
  return vsqrt<R>(lambda) * inverse < splat<R>(power_of_two<R>(kMantissa<R> + 1));
}

/// Whether no column but zeros is, scaled, so small that it loses digits in products with reflections of a moderate A.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> columns_hold(Strided<L> b, Vec<typename L::Real> c) {
  using R = typename L::Real;
  constexpr R kLeast = 1 / power_of_two<R>(sizeof(R) == 8 ? 860 : 80);
  Mask<R> good = ~Mask<R>{};
  for (Index j = 0; j < b.cols; ++j) {
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i < b.rows; ++i) {
      const Vec<R> size = L::size1(b.get(i, j));
      most = size > most ? size : most;
    }
    good &= (most == Vec<R>{}) | (most * c >= splat<R>(kLeast));
  }
  return good;
}

/// Whether 1 / (‖R‖ ‖R⁻¹‖) is surely above the cut: ‖R⁻¹‖ is at most ‖M⁻¹ e‖, M of the magnitudes of R, negative off the diagonal (Higham
/// 2002, section 8.3). In the maximum norm, as trcon estimates it.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> surely_full_rank(Strided<L> r, typename L::Real cut, typename L::Real* bound) {
  using R = typename L::Real;
  Vec<R> inverse = Vec<R>{}, norm = Vec<R>{};
  for (Index i = r.rows - 1; i >= 0; --i) {
    const Vec<R> pivot = magnitude<L>(r.get(i, i));
    Vec<R> row = pivot, sum = splat<R>(1);
    for (Index j = i + 1; j < r.cols; ++j) {
      const Vec<R> size = magnitude<L>(r.get(i, j));
      row += size;
      sum += size * load<R>(bound + j * W<R>);
    }
    const Vec<R> b = sum / pivot;
    store<R>(bound + i * W<R>, b);
    inverse = b > inverse ? b : inverse;
    norm = row > norm ? row : norm;
  }
  return splat<R>(1) > norm * inverse * splat<R>(cut);  // false for NaN
}

/// The same of the inverse itself, whose norm the bound exceeds by more the larger the matrix: by thousands at 200 rows.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> full_rank(Strided<L> r, typename L::Real cut, Strided<L> inverse) {
  using R = typename L::Real;
  for (Index i = 0; i < r.rows; ++i)
    for (Index j = 0; j < r.cols; ++j) inverse.set(i, j, L::from_re(splat<R>(i == j ? 1 : 0)));
  solve_triangle<L>(r, false, false, false, false, inverse);
  const auto norm = [](Strided<L> t) {
    Vec<R> most = Vec<R>{};
    for (Index i = 0; i < t.rows; ++i) {
      Vec<R> row = Vec<R>{};
      for (Index j = i; j < t.cols; ++j) row += magnitude<L>(t.get(i, j));
      most = row > most ? row : most;
    }
    return most;
  };
  Mask<R> regular = finite_lanes<L>(inverse.data, r.rows * r.cols, ~Mask<R>{});  // comparisons above pass over NaN
  for (Index i = 0; i < r.rows; ++i) regular &= ~L::is_zero(r.get(i, i));        // solve_triangle takes zeros for ones
  return regular & (splat<R>(1) > norm(r) * norm(inverse) * splat<R>(cut));
}

template <class L>
BS_INLINE void copy(Strided<L> from, Strided<L> to, bool conjugated = false) {
  for (Index i = 0; i < from.rows; ++i)
    for (Index j = 0; j < from.cols; ++j) to.set(i, j, conjugated ? L::conj(from.get(i, j)) : from.get(i, j));
}
/// A := c A.
template <class L>
BS_INLINE void scale(Strided<L> a, Vec<typename L::Real> c) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) a.set(i, j, L::scale(a.get(i, j), c));
}

template <class L>
struct LstsqWork {
  using R = typename L::Real;
  Reflections<L> h;    // of [√λ I; A] where A is tall, of [√λ I; Aᴴ] where wide
  Strided<L> y;        // of a wide A
  R* bound;            // of the inverse
  Strided<L> inverse;  // where the bound may say too little
  static constexpr Index kFar = 48;
  LstsqWork(Arena& arena, const Call& call)
      : h(arena, least(call), call.dims[0] + call.dims[1]),
        y(take_strided<L>(arena, tall(call) ? 0 : call.dims[0], call.dims[2])),
        bound(arena.take<R>(least(call) * W<R>)),
        inverse(take_strided<L>(arena, least(call) < kFar ? 0 : least(call), least(call) < kFar ? 0 : least(call))) {}
  BS_INLINE static bool tall(const Call& call) { return call.dims[0] >= call.dims[1]; }
  BS_INLINE static Index least(const Call& call) { return tall(call) ? call.dims[1] : call.dims[0]; }
};

template <class L>
struct Lstsq {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr Index B = L::block;
  Reflections<L>& h;
  Strided<L> a, b, x;
  Vec<R> c, root;
  Mask<R> damped;  // lanes that begin with the rows √λ I; others have rows of zeros instead, at the end, which change no bit

  BS_INLINE Index before() const { return h.rows - most(); }
  BS_INLINE Index most() const { return h.most - h.count; }
  /// The first q columns of the panel from `at`(row, column), with root in row first + k of column k.
  template <class F>
  BS_INLINE void place(Index q, Index first, F at) const {
    const E zero = L::from_re(Vec<R>{});
    const Index skipped = before();
    for (Index i = 0; i < h.rows; ++i)
      for (Index k = 0; k < q; ++k) {
        E x = i < most() ? L::scale(at(i, k), c) : zero;
        if (skipped > 0) {
          const E y = i >= skipped ? L::scale(at(i - skipped, k), c) : L::from_re(i == first + k ? root : Vec<R>{});
          x = L::pick(damped, y, x);
        }
        h.panel.set(i, k, x);
      }
  }
  BS_INLINE void factor(bool tall) const {
    for (Index j = 0; j < h.count; j += B) {
      if (tall)
        place(h.width(j), j, [&](Index i, Index k) { return a.get(i, j + k); });
      else
        place(h.width(j), j, [&](Index i, Index k) { return L::conj(a.get(j + k, i)); });
      h.factor(j);
    }
  }
  BS_INLINE Index columns(Index j) const { return b.cols - j < B ? b.cols - j : B; }
  /// X = R⁻¹ Qᴴ c B
  BS_INLINE void solve_tall() const {
    for (Index j = 0; j < b.cols; j += B) {
      const Index q = columns(j);
      place(q, h.rows, [&](Index i, Index k) { return b.get(i, j + k); });
      h.apply_adjoint(h.count, q);
      for (Index i = 0; i < h.count; ++i)
        for (Index k = 0; k < q; ++k) x.set(i, j + k, h.panel.get(i, k));
    }
    solve_triangle<L>(h.r, false, false, false, false, x);
  }
  /// X = Q [R⁻ᴴ c B; 0], its rows of Aᴴ
  BS_INLINE void solve_wide(Strided<L> y) const {
    copy(b, y);
    scale(y, c);
    solve_triangle<L>(h.r, false, true, true, false, y);
    for (Index j = 0; j < b.cols; j += B) {
      const Index q = columns(j);
      for (Index i = 0; i < h.rows; ++i)
        for (Index k = 0; k < q; ++k) h.panel.set(i, k, i < h.count ? y.get(i, j + k) : L::from_re(Vec<R>{}));
      h.apply_plain(q);
      for (Index i = 0; i < most(); ++i)
        for (Index k = 0; k < q; ++k) x.set(i, j + k, L::pick(damped, h.panel.get(i + before(), k), h.panel.get(i, k)));
    }
  }
};

template <class L>
void lstsq(const Call& call, const LstsqWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const bool tall = m >= n;
  const Index least = tall ? n : m, most = tall ? m : n;
  const auto a = strided<L>(call.operand[0], m, n), b = strided<L>(call.operand[1], m, k), x = strided<L>(call.operand[3], n, k);
  const Vec<R> lambda = load<R>(static_cast<const R*>(call.operand[2]));
  Reflections<L> h = work.h;
  const Vec<R> a_most = largest<L>(call.operand[0], m * n), inverse = inverse_power<R>(a_most), c = scaling<R>(inverse);
  const Mask<R> negative = lambda < Vec<R>{};
  const Vec<R> root = vsqrt<R>(negative ? Vec<R>{} : lambda) * c;
  const Mask<R> damped = root != Vec<R>{};
  h.rows = any<R>(damped) ? m + n : most;
  const Lstsq<L> problem{h, a, b, x, c, root, damped};
  problem.factor(tall);
  tall ? problem.solve_tall() : problem.solve_wide(work.y);
  const double eps = sizeof(R) == 8 ? __DBL_EPSILON__ : static_cast<double>(__FLT_EPSILON__);
  const double cut = call.attrs[1] >= 0 ? call.attrs[1] : static_cast<double>(most) * eps;
  Mask<R> full = surely_full_rank<L>(h.r, static_cast<R>(cut), work.bound);
  if (work.inverse.rows > 0 && any<R>(~full)) full |= full_rank<L>(h.r, static_cast<R>(cut), work.inverse);
  const Mask<R> sure = finite_lanes<L>(call.operand[3], n * k, full & ~h.doubtful & moderate<R>(lambda, inverse) & columns_hold<L>(b, c));
  if (call.operand[4] != nullptr) copy(h.r, strided<L>(call.operand[4], least, least));
  const Mask<R> finite = finite_lanes<L>(call.operand[1], m * k, is_finite<R>(a_most) & RealLanes<R>::finite(lambda));
  const bool direct = call.attrs[0] == 0;
  for (int w = 0; w < W<R>; ++w) {
    info[w] = !finite[w]          ? kNotFinite
              : negative[w]       ? static_cast<int>(Fail::negative)
              : sure[w] && direct ? 0
                                  : static_cast<int>(Fail::declined);
  }
}

/// Y := (Rᴴ R)⁻¹ Y.
template <class L>
BS_INLINE void solve_normal(Strided<L> r, Strided<L> y) {
  solve_triangle<L>(r, false, true, true, false, y);
  solve_triangle<L>(r, false, false, false, false, y);
}
/// -Re Σ conj(p) q.
template <class L>
BS_INLINE Vec<typename L::Real> minus_inner(Strided<L> p, Strided<L> q) {
  using R = typename L::Real;
  auto sum = L::from_re(Vec<R>{});
  for (Index i = 0; i < p.rows; ++i)
    for (Index j = 0; j < p.cols; ++j) sum = L::minus_conj(sum, q.get(i, j), p.get(i, j));
  return L::re(sum);
}

/// Whether what the rule forms on the way stays in range, but for condition numbers: of the largest parts of B, X, X̄, and about 1/A.
template <class R>
BS_INLINE Mask<R> fits_lanes(Vec<R> inverse, Vec<R> b, Vec<R> x, Vec<R> g) {
  constexpr R kLimit = power_of_two<R>(sizeof(R) == 8 ? 984 : 88);
  const Vec<R> limit = splat<R>(kLimit), least = splat<R>(1 / kLimit), small = g * inverse;  // as B̄
  const Vec<R> first = inverse > splat<R>(1) ? small * inverse : small, last = inverse > splat<R>(1) ? small : small * inverse;
  return (b < limit) & (g < limit) & (x < limit * inverse) & (first < limit) & (first * x < limit) & (first * b < limit) &
         (first * inverse * b < limit) & ((last > least) | (g == Vec<R>{}));
}

template <class L>
struct LstsqVjpWork {
  Strided<L> b_bar, z, rest;  // Z' or T'; what they meet
  LstsqVjpWork(Arena& arena, const Call& call)
      : b_bar(operand_or<L>(arena, call.operand[7], call.dims[0], call.dims[2])),
        z(take_strided<L>(arena, tall(call) ? call.dims[1] : call.dims[0], call.dims[2])),
        rest(take_strided<L>(arena, tall(call) ? call.dims[0] : call.dims[1], call.dims[2])) {}
  BS_INLINE static bool tall(const Call& call) { return call.dims[0] >= call.dims[1]; }
};
template <class L>
void lstsq_vjp(const Call& call, const LstsqVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = call.dims[2];
  const bool tall = m >= n;
  const auto a = strided<L>(call.operand[0], m, n), b = strided<L>(call.operand[1], m, k), x = strided<L>(call.operand[3], n, k);
  const auto r = strided<L>(call.operand[4], tall ? n : m, tall ? n : m), g = strided<L>(call.operand[5], n, k);
  const Vec<R> lambda = load<R>(static_cast<const R*>(call.operand[2]));
  const Vec<R> inverse = inverse_power<R>(largest<L>(call.operand[0], m * n)), c = scaling<R>(inverse);
  const Mask<R> fits =
      fits_lanes<R>(inverse, largest<L>(call.operand[1], m * k), largest<L>(call.operand[3], n * k), largest<L>(call.operand[5], n * k)) &
      moderate<R>(lambda, inverse) & columns_hold<L>(g, c);
  for (int w = 0; w < W<R>; ++w) info[w] = fits[w] ? 0 : static_cast<int>(Fail::declined);
  const bool scaled = any<R>(c != splat<R>(1));
  const auto by_c = [&](Strided<L> t) {
    if (scaled) scale(t, c);
  };
  const auto b_bar = work.b_bar, z = work.z, rest = work.rest;
  copy(tall ? g : b, z);
  by_c(z);
  solve_normal<L>(r, z);
  if (!tall) copy(g, rest), by_c(rest);
  product<L>(true, a, false, tall ? z : rest, false, b_bar);
  by_c(b_bar);
  if (!tall) solve_normal<L>(r, b_bar);
  if (call.operand[8] != nullptr) store<R>(static_cast<R*>(call.operand[8]), c * (tall ? minus_inner<L>(z, x) : minus_inner<L>(b_bar, z)));
  if (call.operand[6] == nullptr) return;
  const auto a_bar = strided<L>(call.operand[6], m, n);
  product<L>(false, b_bar, false, x.transposed(), true, a_bar);
  // tall: + c (B - A X) Z'ᴴ, nothing but rounding where A X = B; wide: + T' (c (X̄ - Aᴴ B̄))ᴴ
  copy(tall ? b : g, rest);
  product<L>(false, tall ? a : a.transposed(), !tall, tall ? x : b_bar, false, rest, {}, true);
  by_c(rest);
  if (m == n) scale(rest, lambda == Vec<R>{} ? Vec<R>{} : splat<R>(1));
  product<L>(true, tall ? rest : z, false, (tall ? z : rest).transposed(), true, a_bar, {}, true);
}

}  // namespace

BS_LANES_KERNEL(lstsq, LstsqWork)
BS_LANES_KERNEL(lstsq_vjp, LstsqVjpWork)

}  // namespace backsolve::BS_ISA
