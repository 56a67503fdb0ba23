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

/// Lanes with a sum of zero are declined.
template <class L>
void sum_quotient(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1], larger = m > n ? m : n;
  const auto x = strided<L>(call.operand[0], m, n), q = strided<L>(call.operand[4], m, n);
  const R* const a = static_cast<const R*>(call.operand[1]);
  const R* const b = static_cast<const R*>(call.operand[2]);
  const auto most = [](const R* p, Index count) {
    Vec<R> top = Vec<R>{};
    for (Index i = 0; i < count; ++i) {
      const Vec<R> size = vabs<R>(load<R>(p + i * W<R>));
      top = size > top ? size : top;
    }
    return top;
  };
  const Vec<R> rows = most(a, m), columns = most(b, n);
  const R step = sizeof(R) == 8 ? R(__DBL_DENORM_MIN__) : R(__FLT_DENORM_MIN__);
  const Vec<R> none = static_cast<R>(larger) * (kEpsilon<R> * (rows > columns ? rows : columns) + step);
  Mask<R> good = ~Mask<R>{};
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      const Vec<R> sum = load<R>(a + i * W<R>) + load<R>(b + j * W<R>);
      good &= ~(sum <= none);
      const auto y = x.get(i, j);
      q.set(i, j, L::pick(L::is_zero(y), L::from_re(Vec<R>{}), GapQuotient<L>::over(y, sum)));
    }
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(svd, SvdWork)
BS_LANES_KERNEL(svdvals_vjp, ValuesVjpWork)
BS_LANES_KERNEL(singular_gaps, NoWork)
BS_LANES_KERNEL(sum_quotient, NoWork)

}  // namespace backsolve::BS_ISA
