// Triangular solves of W matrices side by side, and their adjoints. Equations: native/kernels/triangular.cc.
#include "../blocks/small_triangle.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

struct Form {
  bool lower, transposed, conjugated, unit, right;
};
BS_INLINE Form form_of(const double* attrs) { return {attrs[0] != 0, attrs[1] != 0, attrs[1] == 2, attrs[2] != 0, attrs[3] != 0}; }

/// op(A) X = B from the left; X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
template <class L>
BS_INLINE Mask<typename L::Real> solve(const Form& f, Strided<L> a, bool transposed, bool conjugated, Strided<L> x) {
  return solve_triangle<L>(a, f.lower, transposed != f.right, conjugated, f.unit, f.right ? x.transposed() : x);
}

/// What is wrong with A and B, and with an answer that is finite in those lanes.
template <class L>
struct Judged {
  using R = typename L::Real;
  Mask<R> finite, zero;
  BS_INLINE Judged(const Call& call, const Form& f) : finite(~Mask<R>{}), zero(Mask<R>{}) {
    const Index m = call.dims[0], k = call.dims[1];
    const auto a = strided<L>(call.operand[0], m, m);
    finite = finite_lanes<L>(call.operand[1], m * k, finite);
    for (Index i = 0; i < m; ++i) {
      const Index first = f.lower ? 0 : i + (f.unit ? 1 : 0), last = f.lower ? i + (f.unit ? 0 : 1) : m;
      for (Index j = first; j < last; ++j) finite &= L::finite(a.get(i, j));
      if (!f.unit) zero = ((zero == 0) & L::is_zero(a.get(i, i))) ? splat_index<R>(i + 1) : zero;
    }
  }
};

template <class L>
void solve_triangular(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Form f = form_of(call.attrs);
  const Index m = call.dims[0], k = call.dims[1];
  const auto a = strided<L>(call.operand[0], m, m);
  const auto x = strided<L>(call.operand[2], f.right ? k : m, f.right ? m : k);
  const Judged<L> judged(call, f);
  copy_lanes<L>(call.operand[1], call.operand[2], m * k);
  report<R>(judged.finite, judged.zero, solve<L>(f, a, f.transposed, f.conjugated, x), info);
}

template <class L>
struct VjpWork {
  Strided<L> b;
  VjpWork(Arena& arena, const Call& call) : b(operand_or<L>(arena, call.operand[4], rows(call), cols(call))) {}
  BS_INLINE static Index rows(const Call& call) { return call.attrs[3] != 0 ? call.dims[1] : call.dims[0]; }
  BS_INLINE static Index cols(const Call& call) { return call.attrs[3] != 0 ? call.dims[0] : call.dims[1]; }
};
template <class L>
void solve_triangular_vjp(const Call& call, const VjpWork<L>& work, std::int32_t* info) {
  using R = typename L::Real;
  const Form f = form_of(call.attrs);
  const Index m = call.dims[0], k = call.dims[1];
  const Index rows = f.right ? k : m, cols = f.right ? m : k;
  const auto a = strided<L>(call.operand[0], m, m);
  auto x = strided<L>(call.operand[1], rows, cols);
  auto b = work.b;
  copy_lanes<L>(call.operand[2], b.data, m * k);
  report<R>(solve<L>(f, a, !f.transposed, !f.conjugated, b), info);
  if (call.operand[3] == nullptr) return;
  // left: none -B̄ Xᴴ, adjoint -X B̄ᴴ, transpose -conj(X) B̄ᵀ; right: none -Xᴴ B̄, adjoint -B̄ᴴ X, transpose -B̄ᵀ conj(X)
  const Part part{f.lower ? Part::lower : Part::upper, f.unit ? 1 : 0};
  if (f.right) x = x.transposed(), b = b.transposed();
  const auto out = strided<L>(call.operand[3], m, m);
  const bool x_first = f.transposed != f.right, conj_x = !f.conjugated, conj_b = f.conjugated;
  if (x_first)
    product<L>(false, x, conj_x, b.transposed(), conj_b, out, part);
  else
    product<L>(false, b, conj_b, x.transposed(), conj_x, out, part);
}

/// The frame in which op(A) is lower triangular, with its conjugation apart.
template <class L>
struct Frame {
  using R = typename L::Real;
  Index m, k;
  bool right, transposed, turned, unit;
  Bits<R> sign;
  Frame(const Call& call, const Form& f)
      : m(call.dims[0]),
        k(call.dims[1]),
        right(f.right),
        transposed(f.transposed != f.right),
        turned(f.lower == transposed),
        unit(f.unit),
        sign(f.conjugated ? Bits<R>{} + Ieee<R>::sign : Bits<R>{}) {}
  BS_INLINE Strided<L> triangle(void* p) const {
    const auto a = strided<L>(p, m, m), t = transposed ? a.transposed() : a;
    return turned ? t.half_turned() : t;
  }
  BS_INLINE Strided<L> columns(void* p) const {
    const auto x = right ? strided<L>(p, k, m).transposed() : strided<L>(p, m, k);
    return turned ? x.upside_down() : x;
  }
};

/// A zero on the diagonal leaves X infinite or NaN, and so does what is infinite or NaN in A and B, but for the diagonal of A.
template <class L, int N>
bool small_solve(const Call& call, const Index* step, Index groups, std::int32_t* info) {
  using R = typename L::Real;
  using E = typename L::Element;
  const Form form = form_of(call.attrs);
  const Frame<L> f(call, form);
  auto a = f.triangle(call.operand[0]), b = f.columns(call.operand[1]), x = f.columns(call.operand[2]);
  Vec<R> defect = Vec<R>{};
  for (Index g = 0; g < groups; ++g) {
    SmallTriangle<L, N> t;
    defect += t.load(a, f.sign, f.unit);
    for (Index j = 0; j < f.k; ++j) {
      E y[N];
      load_column<L>(b, j, y);
      t.solve(y);
      store_column<L>(x, j, y);
      defect += L::defect(y[N - 1]);
    }
    a.shift(step[0]), b.shift(step[1]), x.shift(step[2]);
  }
  const Mask<R> good = defect == Vec<R>{};
  if (info == nullptr) return !any<R>(~good);
  const Judged<L> judged(call, form);
  report<R>(judged.finite, judged.zero, good, info);
  return true;
}

/// A zero on the diagonal is for the single kernel.
template <class L, int N>
bool small_solve_vjp(const Call& call, const Index* step, Index groups, std::int32_t* info) {
  using R = typename L::Real;
  using E = typename L::Element;
  const Frame<L> f(call, form_of(call.attrs));
  auto a = f.triangle(call.operand[0]), x = f.columns(call.operand[1]), g = f.columns(call.operand[2]);
  const bool of_a = call.operand[3] != nullptr, of_b = call.operand[4] != nullptr;
  auto out = f.triangle(call.operand[of_a ? 3 : 0]), b = f.columns(call.operand[of_b ? 4 : 2]);
  Vec<R> defect = Vec<R>{};
  for (Index group = 0; group < groups; ++group) {
    SmallTriangle<L, N> t;
    t.load(a, f.sign, f.unit);
    t.clear_sums();
    for (Index j = 0; j < f.k; ++j) {
      E y[N], of_x[N];
      load_column<L>(g, j, y);
      t.solve_adjoint(y);
      if (of_b) store_column<L>(b, j, y);
      defect += L::defect(y[0]);
      if (!of_a) continue;
      load_column<L>(x, j, of_x);
      t.subtract(y, of_x, f.sign);
    }
    if (of_a) t.store_sums(out);
    a.shift(step[0]), x.shift(step[1]), g.shift(step[2]), out.shift(step[3]), b.shift(step[4]);
  }
  const Mask<R> good = defect == Vec<R>{};
  if (info == nullptr) return !any<R>(~good);
  report<R>(good, info);
  return true;
}

template <class L>
GroupsKernel small_solve_of(const Call& call) {
  if (call.dims[1] == 0) return nullptr;  // no column that would show what A has
  return by_order(call.dims[0], [](auto n) -> GroupsKernel { return small_solve<L, n.value>; });
}
template <class L>
GroupsKernel small_solve_vjp_of(const Call& call) {
  return by_order(call.dims[0], [](auto n) -> GroupsKernel { return small_solve_vjp<L, n.value>; });
}

}  // namespace

BS_LANES_KERNEL_AND_SMALL(solve_triangular, NoWork, small_solve_of)
BS_LANES_KERNEL_AND_SMALL(solve_triangular_vjp, VjpWork, small_solve_vjp_of)

}  // namespace backsolve::BS_ISA
