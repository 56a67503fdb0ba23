// Eigenvalues and eigenvectors of W Hermitian matrices side by side, and their adjoints. Equations: native/kernels/eigh.cc.
#include "../blocks/spectrum.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct EighWork : Spectrum<L> {
  EighWork(Arena& arena, const Call& call) : Spectrum<L>(arena, call.dims[0], call.operand[2] != nullptr) {}
};
template <class L>
void eigh(const Call& call, const EighWork<L>& s, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  if (n == 0) return report<R>(~Mask<R>{}, info);
  auto* const w = static_cast<R*>(call.operand[1]);
  s.run(strided<L>(call.operand[0], n, n), w, strided<L>(call.operand[2], n, n));
  restore_exponent(s, w);
  Mask<R> good = trusted(s, w);
  if (call.attrs[0] != 0) good &= load<R>(w) > Vec<R>{};
  report<R>(s.size.finite, Mask<R>{}, good, info);
}

enum class Policy { raise = 0, nan = 1, mask = 2 };
constexpr int kPhase = 1, kStrict = 2;

/// M := F ∘ M as gap_quotient_of of native/kernels/eigh.cc. Returns which lanes have nothing to fail for.
template <class L>
struct GapQuotient {
  using R = typename L::Real;
  using E = typename L::Element;
  const R* w;
  Strided<L> m;
  Policy policy;
  int checks;
  Vec<R> same, noise;
  Mask<R> good;

  /// The largest |m|; of complex ones scaled, so that squares do not leave the exponents.
  BS_INLINE Vec<R> norm() const {
    Mask<R> most = Mask<R>{};
    for (Index i = 0; i < m.rows; ++i)
      for (Index j = 0; j < m.cols; ++j) grow_parts<L>(most, m.get(i, j));
    const Vec<R> part = reinterpret_cast<Vec<R>>(most);
    if (L::planes == 1) return part;
    const Mask<R> usual = (part >= Ieee<R>::min_normal) & is_finite<R>(part);
    const Vec<R> c = splat<R>(1) / (usual ? part : splat<R>(1));
    Vec<R> largest = Vec<R>{};
    for (Index i = 0; i < m.rows; ++i)
      for (Index j = 0; j < m.cols; ++j) {
        const Vec<R> size = square<L>(L::scale(m.get(i, j), c));
        largest = size > largest ? size : largest;
      }
    return usual ? vsqrt<R>(largest) * part : part;
  }
  /// |m| <= noise
  BS_INLINE Mask<R> rounding(E x) const {
    if constexpr (L::planes == 1) {
      return vabs<R>(x) <= noise;
    } else {
      const Vec<R> re = vabs<R>(x.re), im = vabs<R>(x.im), top = re > im ? re : im;
      const Vec<R> c = splat<R>(1) / (top >= Ieee<R>::min_normal ? top : splat<R>(1)), p = re * c, q = im * c;
      return (top < Ieee<R>::min_normal ? top : top * vsqrt<R>(p * p + q * q)) <= noise;
    }
  }
  BS_INLINE static E over(E x, Vec<R> gap) {
    if constexpr (L::planes == 1)
      return x / gap;
    else
      return {x.re / gap, x.im / gap};
  }
  BS_INLINE void pair(Index i, Index j, Mask<R> joined) {
    const Vec<R> gap = load<R>(w + j * W<R>) - load<R>(w + i * W<R>), nan = from_bits<R>(Bits<R>{} + Ieee<R>::nan);
    const Mask<R> equal = joined | (vabs<R>(gap) <= same);
    const E x = m.get(i, j), zero = L::from_re(Vec<R>{});
    E q = L::pick(L::is_zero(x) | equal, zero, over(x, equal ? splat<R>(1) : gap));
    if (policy != Policy::mask && any<R>(equal)) {
      const Mask<R> bad = (checks & kStrict) != 0 ? equal : equal & ~rounding(x);
      good &= ~bad;
      q = L::pick(bad, L::from_re(nan), q);
    }
    m.set(i, j, q);
  }
  BS_INLINE E diagonal(Index i) {
    E d = L::from_re(Vec<R>{});
    if constexpr (L::planes == 2) {
      if ((checks & kPhase) == 0 || policy == Policy::mask) return d;
      const Mask<R> bad = vabs<R>(m.get(i, i).im) > splat<R>(128) * noise;
      good &= ~bad;
      d = L::pick(bad, L::from_re(from_bits<R>(Bits<R>{} + Ieee<R>::nan)), d);
    }
    return d;
  }
  BS_INLINE Mask<R> run() {
    const Index n = m.rows;
    const auto size = static_cast<R>(n);
    const R step = sizeof(R) == 8 ? R(__DBL_DENORM_MIN__) : R(__FLT_DENORM_MIN__);
    Vec<R> top = Vec<R>{};
    for (Index i = 0; i < n; ++i) {
      const Vec<R> x = vabs<R>(load<R>(w + i * W<R>));
      top = x > top ? x : top;
    }
    const Vec<R> most = norm();
    same = size * (kEpsilon<R> * top + step);
    noise = 8 * size * (kEpsilon<R> * most + step);
    good = ~Mask<R>{};
    for (Index i = 0; i < n; ++i) {
      const E on = diagonal(i);
      for (const Index way : {Index{-1}, Index{1}}) {
        Mask<R> joined = ~Mask<R>{};  // to the eigenvalue before, and that to the one before it, up to i
        for (Index j = i + way; j >= 0 && j < n; j += way) {
          joined &= vabs<R>(load<R>(w + j * W<R>) - load<R>(w + (j - way) * W<R>)) <= same;
          pair(i, j, joined);
        }
      }
      m.set(i, i, on);
    }
    return is_finite<R>(most) & (policy == Policy::raise ? good : ~Mask<R>{});
  }
};
template <class L>
__attribute__((noinline)) Mask<typename L::Real> gap_quotient_of(const void* w, Strided<L> m, double policy, int checks) {
  using R = typename L::Real;
  return GapQuotient<L>{static_cast<const R*>(w), m, static_cast<Policy>(policy), checks, {}, {}, {}}.run();
}

template <class L>
void gap_quotient(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  copy_lanes<L>(call.operand[1], call.operand[2], n * n);
  const auto out = strided<L>(call.operand[2], n, n);
  report<R>(gap_quotient_of<L>(call.operand[0], out, call.attrs[0], static_cast<int>(call.attrs[1])), info);
}

template <class L>
struct MatrixWork {
  Strided<L> x;
  MatrixWork(Arena& arena, const Call& call) : x(take_strided<L>(arena, call.dims[0], call.dims[0])) {}
};

/// X of Ā = herm(V X Vᴴ) is made Hermitian first, so that the last product is by half.
template <class L>
void eigh_vjp(const Call& call, const MatrixWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto v = strided<L>(call.operand[1], n, n), out = strided<L>(call.operand[4], n, n);
  const auto* const gw = static_cast<const R*>(call.operand[2]);
  Mask<R> good = ~Mask<R>{};
  if (call.operand[3] != nullptr) {
    product<L>(true, v.transposed(), true, strided<L>(call.operand[3], n, n), false, out);
    good = gap_quotient_of<L>(call.operand[0], out, call.attrs[0], kPhase);
    hermitian_part<L>(out, out);
    for (Index i = 0; gw != nullptr && i < n; ++i) out.set(i, i, L::from_re(L::re(out.get(i, i)) + load<R>(gw + i * W<R>)));
    product<L>(true, v, false, out, false, work.x);
  } else {
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) work.x.set(i, j, L::scale(v.get(i, j), gw != nullptr ? load<R>(gw + j * W<R>) : Vec<R>{}));
  }
  hermitian_product<L>(work.x, v, out, call.attrs[1] != 0);
  report<R>(good, info);
}

template <class L>
void eigvalsh_vjp(const Call& call, const MatrixWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const auto v = strided<L>(call.operand[1], n, n);
  const auto* const g = static_cast<const R*>(call.operand[2]);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) work.x.set(i, j, L::scale(v.get(i, j), load<R>(g + j * W<R>)));
  hermitian_product<L>(work.x, v, strided<L>(call.operand[3], n, n), call.attrs[0] != 0);
  report<R>(~Mask<R>{}, info);
}

}  // namespace

BS_LANES_KERNEL(eigh, EighWork)
BS_LANES_KERNEL(eigh_vjp, MatrixWork)
BS_LANES_KERNEL(eigvalsh_vjp, MatrixWork)
BS_LANES_KERNEL(gap_quotient, NoWork)

}  // namespace backsolve::BS_ISA
