// Riccati's equations of W matrices side by side: doubling, and Newton's method, which mends the answer and says that it is one.
// docs/derivations/riccati.md. In double precision whatever the dtype. The single kernel gets the lanes that this does not end in.
#include "../blocks/doubles.h"
#include "../blocks/doubling.h"
#include "../blocks/qr.h"
#include "../blocks/spectrum.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

using R = double;

template <class D>
struct Riccati {
  using E = typename D::Element;
  using Exponents = Size<D>;
  Index n, k;
  Strided<D> a, b, q, r, t, f;  // t, f: k x n
  Strided<RealLanes<R>> d;      // powers of two: of the states, then of the inputs
  Doubling<D> at;
  Factors<D> inputs;
  Riccati(Arena& arena, Index states, Index of_inputs)
      : n(states),
        k(of_inputs),
        a(take_strided<D>(arena, n, n)),
        b(take_strided<D>(arena, n, k)),
        q(take_strided<D>(arena, n, n)),
        r(take_strided<D>(arena, k, k)),
        t(take_strided<D>(arena, k, n)),
        f(take_strided<D>(arena, k, n)),
        d(take_strided<RealLanes<R>>(arena, n + k, 1)),
        at(arena, n),
        inputs(arena, nullptr, nullptr, k) {}

  BS_INLINE static Vec<R> half() { return splat<R>(0.5); }
  /// Units of the inputs that make the diagonal of R 1, and G = B R⁻¹ Bᴴ. Which lanes have one.
  __attribute__((noinline)) Mask<R> weigh() const {
    Mask<R> good = ~Mask<R>{};
    for (Index i = 0; i < k; ++i) {
      const Vec<R> weight = D::size1(r.get(i, i));
      good &= weight > 0x1p-200;
      d.set(n + i, 0, power_of_two<R>(-(Exponents::exponent_in(weight) >> 1)));
    }
    for (Index i = 0; i < k; ++i) {
      const Vec<R> by = d.get(n + i, 0);
      for (Index p = 0; p < n; ++p) b.set(p, i, D::scale(b.get(p, i), by));
      for (Index p = 0; p < k; ++p) r.set(p, i, D::scale(r.get(p, i), by * d.get(n + p, 0)));
    }
    for (Index i = 0; i < k; ++i)
      for (Index p = 0; p < n; ++p) f.set(i, p, D::conj(b.get(p, i)));
    at.put(~Mask<R>{}, r, inputs.lu);
    const Mask<R> zero = factor<D>(inputs.lu, inputs.pivots, nothing_beside(inputs.lu), inputs.panel);
    good &= solve_plain<D>(inputs.lu, inputs.pivots, f) & (zero == Mask<R>{});
    product<D>(true, b, false, f, false, at.g);
    at.hermitian(at.g, half(), at.g);
    return good;
  }
  /// A := D⁻¹ A D, G := D⁻¹ G D⁻¹, Q := D Q D.
  BS_INLINE void rescale(Index i, Vec<R> by, Vec<R> over) const {
    for (Index p = 0; p < n; ++p) {
      a.set(p, i, D::scale(a.get(p, i), by));
      q.set(p, i, D::scale(q.get(p, i), by));
      at.g.set(p, i, D::scale(at.g.get(p, i), over));
    }
    for (Index p = 0; p < n; ++p) {
      a.set(i, p, D::scale(a.get(i, p), over));
      q.set(i, p, D::scale(q.get(i, p), by));
      at.g.set(i, p, D::scale(at.g.get(i, p), over));
    }
    d.set(i, 0, d.get(i, 0) * by);
  }
  /// Units of the states in which Q and G are of one size, and rows and columns of the Hamiltonian matrix, as Benner (2001) balances it.
  __attribute__((noinline)) void balance() const {
    const Vec<R> of_g = largest<D>(at.g.data, n * n), of_q = largest<D>(q.data, n * n);
    const Mask<R> both = (of_g > Vec<R>{}) & (of_q > Vec<R>{});
    const Mask<R> e = both ? (Exponents::exponent_in(of_g) - Exponents::exponent_in(of_q)) >> 2 : Mask<R>{};
    const Vec<R> by = power_of_two<R>(e), over = power_of_two<R>(-e);
    for (Index i = 0; i < n; ++i) d.set(i, 0, splat<R>(1));
    for (Index i = 0; i < n; ++i) rescale(i, by, over);
    bool moved = true;
    for (int sweep = 0; moved && sweep < 6; ++sweep) {
      moved = false;
      for (Index i = 0; i < n; ++i) moved |= balance(i);
    }
  }
  BS_INLINE bool balance(Index i) const {
    Vec<R> down = Vec<R>{}, along = Vec<R>{};
    for (Index p = 0; p < n; ++p) {
      if (p == i) continue;
      down += D::size1(a.get(p, i)) + D::size1(q.get(p, i));
      along += D::size1(a.get(i, p)) + D::size1(at.g.get(i, p));
    }
    const Vec<R> on_q = D::size1(q.get(i, i)), on_g = D::size1(at.g.get(i, i)), c = down + on_q, o = along + on_g;
    const Mask<R> some = (c > Vec<R>{}) & (o > Vec<R>{});
    Mask<R> e = Exponents::exponent_in(o) - Exponents::exponent_in(c);
    e = e > 64 ? Mask<R>{} + 64 : (e < -64 ? Mask<R>{} - 64 : e);
    const auto size = [&](Mask<R> power) {
      const Vec<R> f = power_of_two<R>(power), g = power_of_two<R>(-power);
      return (down + on_q * f) * f + rounded<R>((along + on_g * g) * g);
    };
    const Vec<R> by_half = size(e >> 1), by_quarter = size(e >> 2);
    e = by_half < by_quarter ? e >> 1 : e >> 2;
    const Mask<R> shorter = some & ((by_half < by_quarter ? by_half : by_quarter) < R(0.95) * (c + o));
    if (!any<R>(shorter)) return false;
    e = shorter ? e : Mask<R>{};
    rescale(i, power_of_two<R>(e), power_of_two<R>(-e));
    return true;
  }
  /// c √(‖M‖² / n), about where the eigenvalues of M lie.
  BS_INLINE Vec<R> middle(Vec<R> squares) const { return R(0.7) * vsqrt<R>(squares * (1 / static_cast<R>(n))); }

  /// The discrete equation that has the solution of the continuous one (Chu, Fan & Lin 2005): with A' = A - γ I, W = A'ᴴ + Q A'⁻¹ G
  ///   A := I + 2 γ W⁻ᴴ,  G := 2 γ A'⁻¹ G W⁻¹,  H := 2 γ W⁻¹ Q A'⁻¹
  __attribute__((noinline)) Mask<R> make_discrete() const {
    const Vec<R> shift = middle(at.squares(a) + vsqrt<R>(at.squares(at.g)) * vsqrt<R>(at.squares(q)));
    const auto less = [&](Index i, Index j) { return D::minus(a.get(i, j), D::from_re(shift), at.unit(i, j)); };
    at.each([&](Index i, Index j) {
      at.f.lu.set(i, j, less(i, j));
      at.left().set(i, j, at.g.get(i, j));
      at.right().set(i, j, at.unit(i, j));
    });
    Mask<R> good = at.solve(at.pair) & (shift > Vec<R>{});
    product<D>(true, q, false, at.left(), false, at.f.lu);
    product<D>(true, q, false, at.right(), false, at.t);
    at.each([&](Index i, Index j) {
      at.a.set(i, j, at.left().get(i, j));
      at.f.lu.set(i, j, at.plus(at.f.lu.get(i, j), D::conj(less(j, i))));
      at.left().set(i, j, at.unit(i, j));
      at.right().set(i, j, at.t.get(i, j));
    });
    good &= at.solve(at.pair);
    product<D>(true, at.a, false, at.left(), false, at.t);
    at.hermitian(at.t, shift, at.g);
    at.hermitian(at.right(), shift, at.h);
    at.each([&](Index i, Index j) { at.a.set(i, j, at.plus(at.unit(i, j), D::scale(D::conj(at.left().get(j, i)), shift + shift))); });
    return good;
  }
  BS_INLINE void close_loop() const {
    at.put(~Mask<R>{}, a, at.a);
    product<D>(false, b, false, f, false, at.a, {}, true);
  }
  /// Of X = H: the closed loop K = A - B F, F = R⁻¹ Bᴴ X, and what it leaves, Aᴴ X + X A + Q - (Bᴴ X)ᴴ F, in the places of A and G; then
  /// Kᴴ D + D K + G = 0 as Cᴴ D C - D + 2 γ (K - γ I)⁻ᴴ G (K - γ I)⁻¹ = 0, C = (K + γ I) (K - γ I)⁻¹.
  __attribute__((noinline)) Mask<R> residual_continuous() const {
    product<D>(true, b.transposed(), true, at.h, false, t);
    at.put(~Mask<R>{}, t, f);
    solve_plain<D>(inputs.lu, inputs.pivots, f);
    close_loop();
    product<D>(true, t.transposed(), true, f, false, at.g);
    at.hermitian(at.g, half(), at.g);
    product<D>(true, a.transposed(), true, at.h, false, at.t);
    at.each([&](Index i, Index j) { at.g.set(i, j, at.plus(q.get(i, j), D::negate(at.g.get(i, j)))); });
    at.add_hermitian(~Mask<R>{}, at.t, splat<R>(1), at.g);
    const Vec<R> shift = middle(at.squares(at.a));
    const auto inverse = at.left();
    at.each([&](Index i, Index j) {
      at.f.lu.set(i, j, D::minus(at.a.get(i, j), D::from_re(shift), at.unit(i, j)));
      inverse.set(i, j, at.unit(i, j));
    });
    const Mask<R> good = at.solve(inverse) & (shift > Vec<R>{});
    product<D>(true, at.g, false, inverse, false, at.t);
    product<D>(true, inverse.transposed(), true, at.t, false, at.f.lu);
    at.hermitian(at.f.lu, shift, at.g);
    at.each([&](Index i, Index j) { at.a.set(i, j, at.plus(at.unit(i, j), D::scale(inverse.get(i, j), shift + shift))); });
    return good;
  }
  /// Likewise K = A - B F, F = (R + Bᴴ X B)⁻¹ Bᴴ X A, and Kᴴ X K - X + Q + Fᴴ R F, where errors of F count by their squares.
  __attribute__((noinline)) Mask<R> residual_discrete() const {
    product<D>(true, b.transposed(), true, at.h, false, t);
    at.put(~Mask<R>{}, r, inputs.lu);
    product<D>(true, t, false, b, false, inputs.lu, {}, true);
    product<D>(true, t, false, a, false, f);
    const Mask<R> zero = factor<D>(inputs.lu, inputs.pivots, f, inputs.panel);
    const Mask<R> good = solve_triangle<D>(inputs.lu, false, false, false, false, f) & (zero == Mask<R>{});
    close_loop();
    product<D>(true, r, false, f, false, t);
    product<D>(true, at.h, false, at.a, false, at.t);
    product<D>(true, at.a.transposed(), true, at.t, false, at.f.lu);
    product<D>(true, f.transposed(), true, t, false, at.f.lu, {}, true);
    at.each([&](Index i, Index j) { at.g.set(i, j, at.plus(q.get(i, j), D::negate(at.h.get(i, j)))); });
    at.add_hermitian(~Mask<R>{}, at.f.lu, half(), at.g);
    return good;
  }
  /// X in H, mended until it does not change (Kleinman 1968). Which lanes have one that stabilises: the changes are solutions of equations
  /// with the closed loop that exist where it is stable, and shrink by their squares.
  template <bool Discrete>
  BS_INLINE Mask<R> refine(const Mask<R>& lanes, R small_square) const {
    constexpr int kRounds = 3;
    Mask<R> open = lanes, good = Mask<R>{};
    for (int round = 0; round < kRounds && any<R>(open); ++round) {
      open &= Discrete ? residual_discrete() : residual_continuous();
      open &= at.stein(open);
      at.add_hermitian(open, at.g, half(), at.h);
      const Mask<R> small = open & (at.squares(at.g) <= small_square * at.squares(at.h));
      good |= small;
      open &= ~small;
    }
    return good;
  }
  /// X in H. A change of 2^-36 leaves one of its square; of float, 2^-29 is below what the answer can hold.
  template <bool Discrete, bool Float>
  BS_INLINE Mask<R> run() const {
    at.hermitian(q, half(), q);
    at.hermitian(r, half(), r);
    Mask<R> good = weigh();
    balance();
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < k; ++j) b.set(i, j, D::scale(b.get(i, j), splat<R>(1) / d.get(i, 0)));
    if constexpr (Discrete) {
      at.put(~Mask<R>{}, a, at.a);
      at.put(~Mask<R>{}, q, at.h);
    } else {
      good &= make_discrete();
    }
    good &= at.riccati(good);
    good = refine<Discrete>(good, Float ? 0x1p-58 : 0x1p-72);
    at.each([&](Index i, Index j) { at.h.set(i, j, D::scale(at.h.get(i, j), splat<R>(1) / (d.get(i, 0) * d.get(j, 0)))); });
    return good;
  }
};

template <class L>
struct RiccatiWork : Riccati<Doubled<L>> {
  RiccatiWork(Arena& arena, const Call& call) : Riccati<Doubled<L>>(arena, call.dims[0], call.dims[1]) {}
};
/// a (n,n), b (n,k), q (n,n), r (k,k) -> x (n,n).
template <bool Discrete, class L>
__attribute__((noinline)) void solve(const Call& call, const RiccatiWork<L>& work, std::int32_t* info) {
  using D = Doubled<L>;
  if (call.dims[0] == 0) {
    for (int part = 0; part < kParts<L>; ++part) report<R>(Mask<R>{}, info + part * W<R>);
    return;
  }
  const Strided<D> inputs[] = {work.a, work.b, work.q, work.r};
  for (int part = 0; part < kParts<L>; ++part) {
    Mask<R> finite = ~Mask<R>{}, good = finite;
    for (int i = 0; i < 4; ++i) {
      read_part<L>(call.operand[i], part, inputs[i]);
      const Vec<R> most = largest<D>(inputs[i].data, inputs[i].rows * inputs[i].cols);
      finite &= is_finite<R>(most);
      good &= is_moderate<R>(most);
    }
    good &= work.template run<Discrete, sizeof(typename L::Real) == 4>();
    good &= write_part<L>(work.at.h, part, call.operand[4]);
    report<R>(finite, Mask<R>{}, good, info + part * W<R>);
  }
}

template <class L>
void care(const Call& call, const RiccatiWork<L>& work, std::int32_t* info) {
  solve<false, L>(call, work, info);
}
template <class L>
void dare(const Call& call, const RiccatiWork<L>& work, std::int32_t* info) {
  solve<true, L>(call, work, info);
}

}  // namespace

BS_LANES_KERNEL(care, RiccatiWork)
BS_LANES_KERNEL(dare, RiccatiWork)

}  // namespace backsolve::BS_ISA
