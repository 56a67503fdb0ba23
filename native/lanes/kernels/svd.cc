// Singular values and vectors of W matrices side by side, and the quotients of their rules. docs/derivations/svd.md
#include "../blocks/gaps.h"
#include "../blocks/one_sided.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// A wide A is computed as Aᴴ = U Σ Vᴴ.
template <class L>
struct SvdWork {
  using R = typename L::Real;
  bool wide, vectors;
  Index most, least;
  Strided<L> v, g;
  R *norms, *values;
  Spectrum<L> spectrum;
  Reflections<L> h;
  SvdWork(Arena& arena, const Call& call)
      : wide(call.dims[0] < call.dims[1]),
        vectors(call.operand[2] != nullptr || call.operand[3] != nullptr),
        most(wide ? call.dims[1] : call.dims[0]),
        least(wide ? call.dims[0] : call.dims[1]),
        v(take_strided<L>(arena, least, least | 1)),
        g(take_strided<L>(arena, most, least | 1)),
        norms(arena.take<R>(least * W<R>)),
        values(arena.take<R>(least * W<R>)),
        spectrum(arena, least, true),
        h(arena, vectors ? least : 0, vectors ? most : 0) {
    v.cols = g.cols = least;
  }
};

template <class L>
struct Svd {
  using R = typename L::Real;
  const SvdWork<L>& work;
  Strided<L> a;

  /// A V, its columns orthogonal, the longest first; V. Which lanes came to an end.
  BS_INLINE Mask<R> reduce(Strided<L> v) const {
    const Strided<L> gram = work.v;
    if (work.wide)
      product<L>(true, a, false, a.transposed(), true, gram, {Part::lower});
    else
      product<L>(true, a.transposed(), true, a, false, gram, {Part::lower});
    work.spectrum.run(gram, work.values, work.v);
    product<L>(true, work.wide ? a.transposed() : a, work.wide, v, false, work.g);
    const OneSided<L> columns{work.g, work.vectors ? v : Strided<L>{}, work.norms};
    return work.spectrum.done & columns.run();
  }
  /// U and Σ of A V = U Σ, by Q R, whose R is diagonal but for rounding.
  BS_INLINE Mask<R> vectors(R* s, Strided<L> v, void* left, void* right) const {
    Reflections<L> h = work.h;
    for (Index i = 0; i < work.most; ++i)
      for (Index j = 0; j < work.least; ++j) work.g.set(i, j, unsigned_zero(work.g.get(i, j)));
    const Qr<L> qr{h, work.g};
    qr.factor({});
    void* const of_u = work.wide ? right : left;
    void* const of_v = work.wide ? left : right;
    Vec<R> last = splat<R>(Ieee<R>::inf);
    for (Index i = 0; i < work.least; ++i) {
      const Vec<R> d = vabs<R>(L::re(h.r.get(i, i)));
      last = d < last ? d : last;  // in order, which rounding may have changed
      store<R>(s + i * W<R>, last);
    }
    if (of_u != nullptr) {
      qr.form(work.g);
      for (Index j = 0; j < work.least; ++j) {
        const Vec<R> sign = L::re(h.r.get(j, j)) < Vec<R>{} ? splat<R>(-1) : splat<R>(1);
        for (Index i = 0; i < work.most; ++i) work.g.set(i, j, L::scale(work.g.get(i, j), sign));
      }
      put(work.g, of_u, work.wide);
    }
    if (of_v != nullptr) put(v, of_v, !work.wide);
    return ~h.doubtful;
  }
  /// A zero's sign would tell of other lanes' rotations.
  BS_INLINE static auto unsigned_zero(typename L::Element x) {
    if constexpr (L::planes == 1)
      return x + Vec<R>{};
    else
      return typename L::Element{x.re + Vec<R>{}, x.im + Vec<R>{}};
  }
  BS_INLINE static void put(Strided<L> m, void* to, bool adjoint) {
    const auto out = adjoint ? strided<L>(to, m.cols, m.rows).transposed() : strided<L>(to, m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
      for (Index j = 0; j < m.cols; ++j) out.set(i, j, unsigned_zero(adjoint ? L::conj(m.get(i, j)) : m.get(i, j)));
  }
};

template <class L>
void svd(const Call& call, const SvdWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  if (work.least == 0) return report<R>(~Mask<R>{}, info);
  const Vec<R> most = largest<L>(call.operand[0], m * n);
  const Svd<L> problem{work, strided<L>(call.operand[0], m, n)};
  auto* const s = static_cast<R*>(call.operand[1]);
  // eigenvalues ascend, singular values descend
  const Strided<L> v{work.v.at(0, work.least - 1), work.least, work.least, work.v.row, -work.v.col};
  Mask<R> good = problem.reduce(v);
  if (work.vectors)
    good &= problem.vectors(s, v, call.operand[2], call.operand[3]);
  else
    copy_lanes<RealLanes<R>>(work.norms, s, work.least);
  report<R>(is_finite<R>(most), Mask<R>{}, good & is_moderate<R>(most), info);
}
/// Ā = U diag(s̄) Vᴴ.
template <class L>
struct ValuesVjpWork {
  Strided<L> u;
  ValuesVjpWork(Arena& arena, const Call& call)
      : u(take_strided<L>(arena, call.dims[0], call.dims[0] < call.dims[1] ? call.dims[0] : call.dims[1])) {}
};
template <class L>
void svdvals_vjp(const Call& call, const ValuesVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = work.u.cols;
  const auto u = strided<L>(call.operand[1], m, k);
  const auto* const g = static_cast<const R*>(call.operand[3]);
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < k; ++j) work.u.set(i, j, L::scale(u.get(i, j), load<R>(g + j * W<R>)));
  product<L>(true, work.u, false, strided<L>(call.operand[2], k, n), false, strided<L>(call.operand[4], m, n));
  report<R>(~Mask<R>{}, info);
}

template <class L>
void singular_gaps(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  copy_lanes<L>(call.operand[0], call.operand[3], n * n);
  report<R>(gap_quotient_of<L>(call.operand[1], strided<L>(call.operand[3], n, n), call.attrs[0], static_cast<int>(call.attrs[1]),
                               call.operand[2]),
            info);
}

/// q_ij = x_ij / (a_i + b_j), zeros where a or b is null; q may be x. Which lanes have no sum of zero.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> sum_quotient_of(const Strided<L>& x, const typename L::Real* a, const typename L::Real* b,
                                                                 const Strided<L>& q) {
  using R = typename L::Real;
  const auto most = [](const R* p, Index count) {
    Vec<R> top = Vec<R>{};
    for (Index i = 0; p != nullptr && i < count; ++i) {
      const Vec<R> size = vabs<R>(load<R>(p + i * W<R>));
      top = size > top ? size : top;
    }
    return top;
  };
  const Vec<R> rows = most(a, x.rows), columns = most(b, x.cols);
  const R step = sizeof(R) == 8 ? R(__DBL_DENORM_MIN__) : R(__FLT_DENORM_MIN__);
  const Vec<R> none = static_cast<R>(x.rows > x.cols ? x.rows : x.cols) * (kEpsilon<R> * (rows > columns ? rows : columns) + step);
  Mask<R> good = ~Mask<R>{};
  for (Index i = 0; i < x.rows; ++i)
    for (Index j = 0; j < x.cols; ++j) {
      const Vec<R> sum = (a != nullptr ? load<R>(a + i * W<R>) : Vec<R>{}) + (b != nullptr ? load<R>(b + j * W<R>) : Vec<R>{});
      good &= ~(sum <= none);
      const auto y = x.get(i, j);
      q.set(i, j, L::pick(L::is_zero(y), L::from_re(Vec<R>{}), GapQuotient<L>::over(y, sum)));
    }
  return good;
}

/// Lanes with a sum of zero are declined.
template <class L>
void sum_quotient(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  report<R>(sum_quotient_of<L>(strided<L>(call.operand[0], m, n), static_cast<const R*>(call.operand[1]),
                               static_cast<const R*>(call.operand[2]), strided<L>(call.operand[4], m, n)),
            info);
}

template <class L>
struct VjpWork {
  Strided<L> g, h, x, turn, y;
  VjpWork(Arena& arena, const Call& call) {
    const bool wide = call.dims[0] < call.dims[1];
    const Index k = wide ? call.dims[0] : call.dims[1], of_u = call.operand[4] != nullptr ? k : 0,
                of_v = call.operand[5] != nullptr ? k : 0;
    g = take_strided<L>(arena, of_u, of_u);
    h = take_strided<L>(arena, of_v, of_v);
    x = take_strided<L>(arena, k, k);
    turn = take_strided<L>(arena, k, k);
    y = take_strided<L>(arena, wide ? k : call.dims[0], wide ? call.dims[1] : k);
  }
};
/// X = ½ F ∘ skew(G + H) + ½ K ∘ skew(G - H); G or H that has no rows is zero.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> between(const typename L::Real* s, double policy, const VjpWork<L>& work) {
  using R = typename L::Real;
  using E = typename L::Element;
  const E one = L::from_re(splat<R>(1)), zero = L::from_re(Vec<R>{});
  const auto x = work.x, turn = work.turn;
  const auto plus = [&](E a, E b) { return L::minus(a, L::negate(b), one); };
  const auto of = [&](const Strided<L>& m, Index i, Index j) { return m.rows > 0 ? m.get(i, j) : zero; };
  for (Index i = 0; i < x.rows; ++i)
    for (Index j = 0; j < x.rows; ++j) {
      const E a = of(work.g, i, j), b = of(work.h, i, j), c = of(work.g, j, i), d = of(work.h, j, i);
      x.set(i, j, plus(a, b));
      turn.set(i, j, L::minus(L::minus(a, b, one), L::conj(L::minus(c, d, one)), one));
    }
  Mask<R> good = gap_quotient_of<L>(s, x, policy, kPhase);
  good &= sum_quotient_of<L>(turn, s, s, turn);
  const Vec<R> half = splat<R>(R(0.5));
  for (Index i = 0; i < x.rows; ++i)
    for (Index j = 0; j <= i; ++j) {
      const E even = plus(x.get(i, j), L::conj(x.get(j, i)));
      x.set(j, i, L::scale(plus(L::conj(even), turn.get(j, i)), half));
      x.set(i, j, L::scale(plus(even, turn.get(i, j)), half));
    }
  return good;
}

/// Equations: native/kernels/svd.cc.
template <class L>
void svd_vjp(const Call& call, const VjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], k = work.x.rows;
  const auto* const s = static_cast<const R*>(call.operand[0]);
  const auto* const gs = static_cast<const R*>(call.operand[3]);
  const auto u = strided<L>(call.operand[1], m, k), vh = strided<L>(call.operand[2], k, n), out = strided<L>(call.operand[6], m, n);
  const bool of_u = call.operand[4] != nullptr, of_v = call.operand[5] != nullptr, outside = m < n ? of_v : m > n && of_u;
  const auto &x = work.x, &y = work.y;
  Mask<R> good = ~Mask<R>{};
  if (k == 0) return report<R>(good, info);
  if (of_u) product<L>(true, u.transposed(), true, strided<L>(call.operand[4], m, k), false, work.g);
  if (of_v) product<L>(true, vh, false, strided<L>(call.operand[5], k, n).transposed(), true, work.h);
  if (of_u || of_v)
    good = between<L>(s, call.attrs[0], work);
  else
    for (Index i = 0; i < k; ++i)
      for (Index j = 0; j < k; ++j) x.set(i, j, L::from_re(Vec<R>{}));
  for (Index i = 0; gs != nullptr && i < k; ++i) x.set(i, i, L::plus_re(x.get(i, i), load<R>(gs + i * W<R>)));
  if (outside) {
    copy_lanes<L>(call.operand[m < n ? 5 : 4], y.data, y.rows * y.cols);
    if (m < n)
      product<L>(false, work.h.transposed(), true, vh, false, y, {}, true);
    else
      product<L>(false, u, false, work.g, false, y, {}, true);
    good &= sum_quotient_of<L>(y, m < n ? s : nullptr, m < n ? nullptr : s, y);
  }
  if (m < n) {
    product<L>(true, x, false, vh, false, y, {}, outside);
    product<L>(true, u, false, y, false, out);
  } else {
    product<L>(true, u, false, x, false, y, {}, outside);
    product<L>(true, y, false, vh, false, out);
  }
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(svd, SvdWork)
BS_LANES_KERNEL(svd_vjp, VjpWork)
BS_LANES_KERNEL(svdvals_vjp, ValuesVjpWork)
BS_LANES_KERNEL(singular_gaps, NoWork)
BS_LANES_KERNEL(sum_quotient, NoWork)

}  // namespace backsolve::BS_ISA
