// Sylvester's and Lyapunov's equations of W matrices side by side, and their adjoints. Equations: native/kernels/equations.cc, which gets
// the lanes of extreme size, and those whose eigenvalues are not surely apart.
#include "../blocks/forms.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// Which lanes have sums λ_i + μ_j that are not zero for all that the computation of eigenvalues, and LAPACK's solution, can tell. The
/// second form is as the equation takes it: of an adjoint the conjugates stand in it.
template <class R>
__attribute__((noinline)) Mask<R> apart(const Strided<ComplexLanes<R>>& a, const Strided<ComplexLanes<R>>& b) {
  constexpr R kEpsilon = sizeof(R) == 8 ? R(__DBL_EPSILON__) : R(__FLT_EPSILON__);
  Vec<R> most = Vec<R>{}, least = splat<R>(Ieee<R>::inf);
  const auto grow = [&](Vec<R> x) { most = x > most ? x : most; };
  for (Index i = 0; i < a.rows; ++i) grow(Lower<R>::square(a.get(i, i)));
  for (Index i = 0; i < b.rows; ++i) grow(Lower<R>::square(b.get(i, i)));
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < b.rows; ++j) {
      const Vec<R> sum = Lower<R>::square(Lower<R>::plus(a.get(i, i), b.get(j, j)));
      least = sum < least ? sum : least;
    }
  }
  const R noise = static_cast<R>(a.rows > b.rows ? a.rows : b.rows) * kEpsilon;
  most = most * (noise * noise);
  for (const auto* m : {&a, &b})
    for (Index i = 0; i < m->rows; ++i)
      for (Index j = 0; j <= i; ++j) grow(Lower<R>::square(m->get(i, j)) * (kEpsilon * kEpsilon));
  return least > most;
}

/// Of op(A) X + X op(B) = C: whether a side is an adjoint. Of op(A) X + X op(A)ᴴ = Q they differ.
struct Sides {
  bool a, b;
};

template <class L>
struct SolveWork {
  Strided<ComplexLanes<typename L::Real>> y;
  Strided<L> p, q;
  SolveWork(Arena& arena, Index m, Index n)
      : y(take_strided<ComplexLanes<typename L::Real>>(arena, m, n)), p(take_strided<L>(arena, m, n)), q(take_strided<L>(arena, m, n)) {}
};
template <class L>
BS_INLINE Strided<L> mirrored(Strided<L> m) {
  return m.transposed().upside_down().transposed();
}

/// X from C by the forms of A and B; `left` and `right` are the triangles as the equation takes them.
template <class L>
struct Solver {
  using R = typename L::Real;
  using C = ComplexLanes<R>;
  const Form<L>&a, &b;
  Strided<L> wa, wb;
  Sides sides;

  __attribute__((noinline)) void run(const Strided<C>& left, const Strided<C>& right, const Strided<L>& c, const SolveWork<L>& work,
                                     const Strided<L>& x) const {
    if (c.rows == 0 || c.cols == 0) return;
    product<L>(true, wa, false, c, false, work.p);
    product<L>(true, work.p, false, wb.transposed(), true, work.q);
    a.enter(work.q, b, work.y);
    auto y = work.y;
    if (sides.a) y = y.upside_down();
    if (sides.b) y = mirrored(y);
    Lower<R>::sylvester(left, right, y);
    a.leave(work.y, b, work.q);
    product<L>(true, wa.transposed(), true, work.q, false, work.p);
    product<L>(true, work.p, false, wb, false, x);
  }
};

template <class L>
struct SylvesterWork : SolveWork<L> {
  LowerSchur<L> a, b;
  SylvesterWork(Arena& arena, const Call& call)
      : SolveWork<L>(arena, call.dims[0], call.dims[1]), a(arena, call.dims[0]), b(arena, call.dims[1]) {}
};
template <class L>
void sylvester(const Call& call, const SylvesterWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto &fa = work.a.form, &fb = work.b.form;
  Mask<R> finite = ~Mask<R>{}, good = ~Mask<R>{};
  const Index counts[] = {m * m, n * n, m * n};
  for (int i = 0; i < 3; ++i) {
    const Vec<R> most = largest<L>(call.operand[i], counts[i]);
    finite &= is_finite<R>(most);
    good &= is_moderate<R>(most);
  }
  good &= work.a.run(strided<L>(call.operand[0], m, m));
  good &= work.b.run(strided<L>(call.operand[1], n, n));
  const Strided<L> parts[] = {work.a.l(), work.a.w(), work.b.l(), work.b.w()};
  for (int i = 0; i < 4; ++i) copy_to<L>(parts[i], call.operand[4 + i]);
  good &= apart<R>(fa.l, fb.l);
  if (adjoint) flip_lower(fa.l, fa.l), flip_lower(fb.l, fb.l);
  const Solver<L> solver{fa, fb, work.a.w(), work.b.w(), {adjoint, adjoint}};
  solver.run(fa.l, fb.l, strided<L>(call.operand[2], m, n), work, strided<L>(call.operand[3], m, n));
  report<R>(finite, Mask<R>{}, finite_lanes<L>(call.operand[3], m * n, good), info);
}

template <class L>
struct SylvesterVjpWork : SolveWork<L> {
  Form<L> a, b;
  Strided<L> answer;
  SylvesterVjpWork(Arena& arena, const Call& call)
      : SolveWork<L>(arena, call.dims[0], call.dims[1]),
        a(arena, call.dims[0]),
        b(arena, call.dims[1]),
        answer(operand_or<L>(arena, call.operand[10], call.dims[0], call.dims[1])) {}
};
template <class L>
void sylvester_vjp(const Call& call, const SylvesterVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index m = call.dims[0], n = call.dims[1];
  const bool adjoint = call.attrs[0] != 0;
  const auto at = [&](int i, Index rows, Index cols) { return strided<L>(call.operand[i], rows, cols); };
  Mask<R> good = is_moderate<R>(largest<L>(call.operand[0], m * m)) & is_moderate<R>(largest<L>(call.operand[1], n * n));
  for (const int i : {2, 7}) good &= is_moderate<R>(largest<L>(call.operand[i], m * n));
  work.a.take(at(3, m, m));
  work.b.take(at(5, n, n));
  if (!adjoint) flip_lower(work.a.l, work.a.l), flip_lower(work.b.l, work.b.l);
  const Solver<L> solver{work.a, work.b, at(4, m, m), at(6, n, n), {!adjoint, !adjoint}};
  const auto x = at(2, m, n), y = work.answer;
  solver.run(work.a.l, work.b.l, at(7, m, n), work, y);
  good &= is_moderate<R>(largest<L>(y.data, m * n));
  const auto first = adjoint ? x : y, second = adjoint ? y : x;
  if (call.operand[8] != nullptr) product<L>(false, first, false, second.transposed(), true, at(8, m, m));
  if (call.operand[9] != nullptr) product<L>(false, second.transposed(), true, first, false, at(9, n, n));
  report<R>(good, info);
}

template <class L>
struct LyapunovWork : SolveWork<L> {
  LowerSchur<L> a;
  Strided<ComplexLanes<typename L::Real>> flipped;
  LyapunovWork(Arena& arena, const Call& call)
      : SolveWork<L>(arena, call.dims[0], call.dims[0]),
        a(arena, call.dims[0]),
        flipped(take_strided<ComplexLanes<typename L::Real>>(arena, call.dims[0], call.dims[0])) {}
};
template <class L>
void lyapunov(const Call& call, const LyapunovWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const bool adjoint = call.attrs[0] != 0;
  const auto& form = work.a.form;
  const Vec<R> most = largest<L>(call.operand[0], n * n), most_q = largest<L>(call.operand[1], n * n);
  Mask<R> good = is_moderate<R>(most) & is_moderate<R>(most_q);
  good &= work.a.run(strided<L>(call.operand[0], n, n));
  copy_to<L>(work.a.l(), call.operand[3]);
  copy_to<L>(work.a.w(), call.operand[4]);
  flip_lower(form.l, work.flipped);
  good &= apart<R>(form.l, work.flipped);
  const Solver<L> solver{form, form, work.a.w(), work.a.w(), {adjoint, !adjoint}};
  const auto q = strided<L>(call.operand[1], n, n), x = strided<L>(call.operand[2], n, n);
  solver.run(adjoint ? work.flipped : form.l, adjoint ? form.l : work.flipped, q, work, x);
  symmetrize<L>(x, hermitian_lanes<L>(q));
  report<R>(is_finite<R>(most) & is_finite<R>(most_q), Mask<R>{}, finite_lanes<L>(call.operand[2], n * n, good), info);
}

template <class L>
struct LyapunovVjpWork : SolveWork<L> {
  Form<L> a;
  Strided<ComplexLanes<typename L::Real>> flipped;
  Strided<L> answer;
  LyapunovVjpWork(Arena& arena, const Call& call)
      : SolveWork<L>(arena, call.dims[0], call.dims[0]),
        a(arena, call.dims[0]),
        flipped(take_strided<ComplexLanes<typename L::Real>>(arena, call.dims[0], call.dims[0])),
        answer(operand_or<L>(arena, call.operand[6], call.dims[0], call.dims[0])) {}
};
template <class L>
void lyapunov_vjp(const Call& call, const LyapunovVjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Index n = call.dims[0];
  const bool adjoint = call.attrs[0] != 0;
  const auto at = [&](int i) { return strided<L>(call.operand[i], n, n); };
  Mask<R> good = ~Mask<R>{};
  for (const int i : {0, 1, 4}) good &= is_moderate<R>(largest<L>(call.operand[i], n * n));
  work.a.take(at(2));
  flip_lower(work.a.l, work.flipped);
  const Solver<L> solver{work.a, work.a, at(3), at(3), {!adjoint, adjoint}};
  const auto x = at(1), y = work.answer;
  solver.run(adjoint ? work.a.l : work.flipped, adjoint ? work.flipped : work.a.l, at(4), work, y);
  good &= is_moderate<R>(largest<L>(y.data, n * n));
  if (call.operand[5] != nullptr) {
    const auto first = adjoint ? x : y, second = adjoint ? y : x, out = at(5);
    product<L>(false, first, false, second.transposed(), true, out);
    product<L>(false, first.transposed(), true, second, false, out, {}, true);
  }
  report<R>(good, info);
}

}  // namespace

BS_LANES_KERNEL(sylvester, SylvesterWork)
BS_LANES_KERNEL(sylvester_vjp, SylvesterVjpWork)
BS_LANES_KERNEL(lyapunov, LyapunovWork)
BS_LANES_KERNEL(lyapunov_vjp, LyapunovVjpWork)

}  // namespace backsolve::BS_ISA
