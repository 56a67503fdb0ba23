// Cholesky factors of L Lᴴ + X Xᴴ and L Lᴴ - X Xᴴ of W matrices side by side, by the rotations of native/kernels/cholesky_update.cc, which
// gets the lanes of extreme size and those that have no factor.
#include "../blocks/qr.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

template <class L>
struct UpdateWork {
  using N = RealLanes<typename L::Real>;
  Strided<L> x, s, phase;
  Strided<N> c, inverse;  // 1/c
  UpdateWork(Arena& arena, const Call& call)
      : x(take_strided<L>(arena, call.dims[0], call.dims[1])),
        s(take_strided<L>(arena, call.dims[1], call.dims[0])),
        phase(take_strided<L>(arena, 1, call.dims[0])),
        c(take_strided<N>(arena, call.dims[1], call.dims[0])),
        inverse(take_strided<N>(arena, call.dims[1], call.dims[0])) {}
};

template <class L, bool down>
struct Change {
  using R = typename L::Real;
  using E = typename L::Element;
  static constexpr Index kRows = L::planes == 1 ? 8 : 4;
  const UpdateWork<L>& work;
  Strided<L> l;
  Mask<R> good;

  /// Columns from..to of `count` rows of L', and what is left of these rows of X.
  template <int count>
  BS_INLINE void rotate(Index row, Index from, Index to) const {
    constexpr Index along = W<R> * L::planes;
    for (Index p = 0; p < work.x.cols; ++p) {
      E x[count];
      R* own[count];
      for (int r = 0; r < count; ++r) x[r] = work.x.get(row + r, p), own[r] = l.at(row + r, from);
      for (Index j = from; j < to; ++j) {
        const Vec<R> c = work.c.get(p, j), inverse = down ? work.inverse.get(p, j) : c;
        const E s = work.s.get(p, j);
        for (int r = 0; r < count; ++r, own[r - 1] += along) {
          const E before = L::load(own[r]);
          E now;
          if constexpr (down) {
            now = L::scale(L::minus_conj(before, x[r], s), inverse);
            x[r] = L::minus(L::scale(x[r], c), s, now);
          } else {
            now = L::minus_conj(L::scale(before, c), L::negate(x[r]), s);
            x[r] = L::minus(L::scale(x[r], c), s, before);
          }
          L::store(own[r], now);
        }
      }
      for (int r = 0; r < count; ++r) work.x.set(row + r, p, x[r]);
    }
  }
  /// The rotations of column i from the diagonal, which becomes r. Lanes where there is none go on with others.
  BS_INLINE void start(Index i) {
    const Vec<R> one = splat<R>(1), zero = Vec<R>{};
    Vec<R> size = vabs<R>(L::re(l.get(i, i)));
    for (Index p = 0; p < work.x.cols; ++p) {
      const E x = work.x.get(i, p);
      if constexpr (down) {
        const Vec<R> y = magnitude<L>(x);
        const Mask<R> fits = (y < size) & (size * size >= kTinySquare<R>);
        good &= fits;
        const Vec<R> own = fits ? size : one, quotient = (fits ? y : zero) / own;
        const Vec<R> c = vsqrt<R>((one - quotient) * (one + quotient));
        work.c.set(p, i, c);
        work.inverse.set(p, i, one / c);
        work.s.set(p, i, L::scale(x, one / own));
        size = own * c;
      } else {
        const Vec<R> sum = size * size + square<L>(x);
        const Mask<R> fits = sum >= kTinySquare<R>;
        good &= fits;
        const Vec<R> r = vsqrt<R>(fits ? sum : one), over = one / r;
        work.c.set(p, i, size * over);
        work.s.set(p, i, L::scale(x, over));
        size = r;
      }
    }
    good &= size > zero;
    l.set(i, i, L::from_re(size));
  }
  __attribute__((noinline)) void run() {
    const Index n = l.rows;
    for (Index first = 0; first < n; first += kRows) {
      const bool whole = n - first >= kRows;
      const Index end = whole ? first + kRows : n;
      if (whole) rotate<kRows>(first, 0, first);
      for (Index i = first; i < end; ++i) {
        rotate<1>(i, whole ? first : 0, i);
        start(i);
      }
    }
  }
};

/// Columns of L turned so that its diagonal is not negative. Returns the lanes where that is sure.
template <class L>
__attribute__((noinline)) Mask<typename L::Real> turn(const Strided<L>& phase, const Strided<L>& l) {
  using R = typename L::Real;
  const auto one = L::from_re(splat<R>(1));
  const Index n = l.rows;
  bool turned = false;
  Mask<R> good = ~Mask<R>{};
  for (Index i = 0; i < n; ++i) {
    const auto d = l.get(i, i), own = trusted<L>(d), by = L::conj(sign_of<L>(own, magnitude<L>(own)));
    good &= ~L::is_zero(own) | L::is_zero(d);
    phase.set(0, i, by);
    turned |= any<R>(~L::is_zero(L::minus(by, one, one)));
  }
  for (Index i = 0; turned && i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto by = phase.get(0, j), x = l.get(i, j);
      l.set(i, j, L::pick(L::is_zero(L::minus(by, one, one)), x, L::mul(x, by)));
    }
  }
  return good;
}

template <class L, bool down>
BS_INLINE void change(const Call& call, const UpdateWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0], k = call.dims[1];
  const auto l = strided<L>(call.operand[2], n, n);
  const auto given = strided<L>(call.operand[0], n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) l.set(i, j, j <= i ? given.get(i, j) : L::from_re(Vec<R>{}));
  copy_lanes<L>(call.operand[1], work.x.data, n * k);
  const Vec<R> of_l = largest<L>(l.data, n * n), of_x = largest<L>(call.operand[1], n * k), most = of_l > of_x ? of_l : of_x;
  const Mask<R> finite = is_finite<R>(of_l) & is_finite<R>(of_x);
  Change<L, down> problem{work, l, is_moderate<R>(most) & turn<L>(work.phase, l)};
  problem.run();
  report<R>(finite, Mask<R>{}, finite_lanes<L>(l.data, n * n, problem.good), info);
}
template <class L>
void cholesky_update(const Call& call, const UpdateWork<L>& work, std::int32_t* info) {
  change<L, false>(call, work, info);
}
template <class L>
void cholesky_downdate(const Call& call, const UpdateWork<L>& work, std::int32_t* info) {
  change<L, true>(call, work, info);
}

}  // namespace

BS_LANES_KERNEL(cholesky_update, UpdateWork)
BS_LANES_KERNEL(cholesky_downdate, UpdateWork)

}  // namespace backsolve::BS_ISA
