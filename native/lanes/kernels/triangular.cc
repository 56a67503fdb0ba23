// Triangular solves of W matrices side by side, and their adjoints. Equations: native/kernels/triangular.cc.
#include "../blocks/strided.h"
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

template <class L>
void solve_triangular(const Call& call, const NoWork<L>&, std::int32_t* info) {
  using R = typename L::Real;
  const Form f = form_of(call.attrs);
  const Index m = call.dims[0], k = call.dims[1];
  const auto a = strided<L>(call.operand[0], m, m);
  const auto x = strided<L>(call.operand[2], f.right ? k : m, f.right ? m : k);
  Mask<R> finite = finite_lanes<L>(call.operand[1], m * k, ~Mask<R>{}), zero = Mask<R>{};
  for (Index i = 0; i < m; ++i) {
    const Index first = f.lower ? 0 : i + (f.unit ? 1 : 0), last = f.lower ? i + (f.unit ? 0 : 1) : m;
    for (Index j = first; j < last; ++j) finite &= L::finite(a.get(i, j));
    if (!f.unit) zero = ((zero == 0) & L::is_zero(a.get(i, i))) ? splat_index<R>(i + 1) : zero;
  }
  copy_lanes<L>(call.operand[1], call.operand[2], m * k);
  report<R>(finite, zero, solve<L>(f, a, f.transposed, f.conjugated, x), info);
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

}  // namespace

BS_LANES_KERNEL(solve_triangular, NoWork)
BS_LANES_KERNEL(solve_triangular_vjp, VjpWork)

}  // namespace backsolve::BS_ISA
