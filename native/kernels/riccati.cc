// Riccati's equations by ordered Schur forms of extended pencils (Van Dooren 1981), balanced as Benner (2001) does.
// docs/derivations/riccati.md
#include "list.h"
#include "schur.h"

namespace backsolve {
namespace {

using la::Inside;
using ops::read;

/// By columns, as LAPACK has it.
template <class T>
struct Columns {
  T* data;
  Index rows, cols;
  T& operator()(Index i, Index j) const { return data[j * rows + i]; }
};

template <class T>
struct RiccatiWork {
  Index n, k, size, count;  // of X, of R, of the extended pencil; elements of `work`
  bool fits;
  Columns<T> h, j;  // the pencil: N x N, and N x 2n as its last columns are zero
  T *z, *tau, *work;
  Matrix<T> r, u, x, a, b, gain, product;
  ops::SchurWork<T> closed;
  std::complex<Real<T>>* alpha;
  Real<T>*beta, *reals;
  double* balance;
  int *powers, *units;
  la::Int* logicals;
  ops::Pivot *pivots, *own;
  RiccatiWork(Arena& arena, const Call& call)
      : n(call.dims[0]),
        k(call.dims[1]),
        size(2 * n + k),
        count(la::gges_work(2 * n, size)),
        fits(la::fits(count) && la::fits(size * size)),
        closed(arena, fits ? n : 0) {
    if (!fits) return;
    h = {arena.take<T>(size * size), size, size};
    j = {arena.take<T>(size * 2 * n), size, 2 * n};
    z = arena.take<T>(4 * n * n);
    tau = arena.take<T>(k);
    r = arena.matrix<T>(k, k);
    u = arena.matrix<T>(n, n);
    x = arena.matrix<T>(n, n);
    a = arena.matrix<T>(n, n);
    b = arena.matrix<T>(n, k);
    gain = arena.matrix<T>(k, n);
    product = arena.matrix<T>(k, n);
    alpha = arena.take<std::complex<Real<T>>>(2 * n);
    beta = arena.take<Real<T>>(2 * n);
    reals = arena.take<Real<T>>(16 * n);
    balance = arena.take<double>(size * size);
    powers = arena.take<int>(size);
    units = arena.take<int>(k);
    logicals = arena.take<la::Int>(2 * n);
    pivots = arena.take<ops::Pivot>(n);
    own = arena.take<ops::Pivot>(k);
    work = arena.take<T>(count);
  }
};

template <class T>
int size_of(Matrix<const T> m) {
  return static_cast<int>(ops::largest_exponent(m));
}
/// Powers of two that A, B, Q and X are multiplied with, besides those of the inputs' units.
struct Scaling {
  int a = 0, b = 0, q = 0, x = 0;
};
// Units leave the equation what it is: of the inputs, columns of B with 2^u_i and R with 2^(u_i + u_j), make the diagonal of R 1; of the
// cost, 2^s (Q, R, X), and of time, 2^t (A, Q, R⁻¹) of the continuous equation, where R is made 1 again by the inputs', bring Q and B to
// one size.
template <Inside inside, class T>
Scaling scaling_of(Matrix<const T> a, Matrix<const T> b, Matrix<const T> q, Matrix<const T> r, int* units) {
  const auto none = [](Matrix<const T> m) { return ops::largest_part(m) == 0; };
  int of_b = std::numeric_limits<int>::min();
  for (Index i = 0; i < b.cols; ++i) {
    const auto column = ops::block(b, 0, i, b.rows, 1);
    const Real<T> weight = ops::largest_part(r(i, i));
    const int own = size_of(column);
    units[i] = weight > 0 ? -static_cast<int>(ops::exponent_of(weight)) / 2 : -own;
    if (!none(column)) of_b = std::max(of_b, own + units[i]);
  }
  const bool with_inputs = !none(b), with_cost = !none(q);
  const int of_q = size_of(q), of_a = size_of(a);
  int s = with_inputs ? 2 * of_b : 0, t = 0;
  if constexpr (inside == Inside::left_half) {
    if (with_inputs && with_cost) {
      s = of_b - of_q / 2;
      t = -of_q - s;
    } else {
      t = -of_a;
      s += with_cost ? -of_q - t : t;
    }
  } else if (with_cost) {
    s = with_inputs ? of_b - of_q / 2 : -of_q;
  }
  s += (s - t) & 1;
  return {t, (t - s) / 2, s + t, s};
}

/// (H, J) of the continuous equation: [A 0 B; -Q -Aᴴ 0; 0 Bᴴ R], [I 0 0; 0 I 0; 0 0 0]; of the discrete one [A 0 B; -Q I 0; 0 0 R],
/// [I 0 0; 0 Aᴴ 0; 0 -Bᴴ 0].
template <Inside inside, class T>
void extended_pencil(const Call& call, const Scaling& by, const RiccatiWork<T>& w) {
  constexpr bool kContinuous = inside == Inside::left_half;
  const Index n = w.n, k = w.k;
  const auto a = call.matrix<const T>(0, n, n), b = call.matrix<const T>(1, n, k), q = call.matrix<const T>(2, n, n),
             r = call.matrix<const T>(3, k, k);
  const auto half = [](Matrix<const T> m, Index i, Index p, int power) {  // the Hermitian part
    return ops::times_power(m(i, p), power - 1) + ops::conj(ops::times_power(m(p, i), power - 1));
  };
  std::fill_n(w.h.data, w.size * w.size, T(0));
  std::fill_n(w.j.data, w.size * 2 * n, T(0));
  for (Index i = 0; i < n; ++i) {
    for (Index p = 0; p < n; ++p) {
      const T own = ops::times_power(a(i, p), by.a);
      w.h(i, p) = w.a(i, p) = own;
      w.h(n + i, p) = -half(q, i, p, by.q);
      (kContinuous ? w.h : w.j)(n + p, n + i) = kContinuous ? -ops::conj(own) : ops::conj(own);
    }
    w.j(i, i) = 1;
    (kContinuous ? w.j : w.h)(n + i, n + i) = 1;
    for (Index p = 0; p < k; ++p) {
      const T own = ops::times_power(b(i, p), w.units[p] + by.b);
      w.h(i, 2 * n + p) = w.b(i, p) = own;
      (kContinuous ? w.h : w.j)(2 * n + p, n + i) = kContinuous ? ops::conj(own) : -ops::conj(own);
    }
  }
  for (Index i = 0; i < k; ++i)
    for (Index p = 0; p < k; ++p) w.h(2 * n + i, 2 * n + p) = w.r(i, p) = half(r, i, p, w.units[i] + w.units[p]);
}

/// Powers of two t with which diag(2^-t) M diag(2^t) has rows and columns of like sums (Parlett & Reinsch 1969).
inline void balance(double* m, Index n, int* t) {
  std::fill_n(t, n, 0);
  bool more = true;
  for (int sweep = 0; sweep < 64 && more; ++sweep) {
    more = false;
    for (Index i = 0; i < n; ++i) {
      double column = 0, row = 0;
      for (Index p = 0; p < n; ++p) {
        if (p == i) continue;
        column += m[p * n + i];
        row += m[i * n + p];
      }
      if (column == 0 || row == 0) continue;
      const int e = static_cast<int>(std::lround(std::log2(row / column) / 2));
      const double f = std::ldexp(1.0, e);
      if (e == 0 || column * f + row / f >= 0.95 * (column + row)) continue;
      more = true;
      t[i] += e;
      for (Index p = 0; p < n; ++p) {
        m[p * n + i] *= f;
        m[i * n + p] /= f;
      }
    }
  }
}
/// The pencil as D (H, J) D⁻¹, D = diag(2^s, 2^-s, ..), which keeps X Hermitian: X = 2^s X' 2^s. powers[i] is s_i, `shift` more than
/// balances.
template <class T>
void balance_pencil(const RiccatiWork<T>& w, int shift) {
  const Index n = w.n, size = w.size;
  for (Index i = 0; i < size; ++i)
    for (Index p = 0; p < size; ++p)
      w.balance[i * size + p] =
          i == p ? 0 : static_cast<double>(std::abs(w.h(i, p))) + (p < 2 * n ? static_cast<double>(std::abs(w.j(i, p))) : 0);
  balance(w.balance, size, w.powers);
  int* const d = w.powers;
  for (Index i = 0; i < n; ++i) {
    d[i] = (d[n + i] - d[i]) / 2 + shift;
    d[n + i] = -d[i];
  }
  for (Index i = 2 * n; i < size; ++i) d[i] = -d[i];
  for (Index p = 0; p < size; ++p) {
    for (Index i = 0; i < size; ++i) {
      w.h(i, p) = ops::times_power(w.h(i, p), d[i] - d[p]);
      if (p < 2 * n) w.j(i, p) = ops::times_power(w.j(i, p), d[i] - d[p]);
    }
  }
}

/// Whether an eigenvalue lies on the border, for all that its computation can tell.
template <Inside inside, class R>
bool on_border(const std::complex<R>* alpha, const R* beta, Index count) {
  const R noise = R(count) * std::numeric_limits<R>::epsilon();
  for (Index i = 0; i < count; ++i) {
    const R size = std::abs(alpha[i]), over = std::abs(beta[i]);
    const R off = inside == Inside::left_half ? std::abs(alpha[i].real()) : std::abs(size - over);
    if (off <= noise * (inside == Inside::left_half ? size : std::max(size, over))) return true;
  }
  return false;
}
/// The largest sum of a column's magnitudes.
template <class T>
Real<T> norm1(Matrix<const T> m, bool skew) {
  Real<T> most = 0;
  for (Index p = 0; p < m.cols; ++p) {
    Real<T> sum = 0;
    for (Index i = 0; i < m.rows; ++i) sum += std::abs(skew ? m(i, p) - ops::conj(m(p, i)) : m(i, p));
    most = std::max(most, sum);
  }
  return most;
}

/// X' = U2 U1⁻¹ of the stable subspace [U1; U2], whose transposes are the first rows of `z`.
template <class T>
std::int32_t from_subspace(const RiccatiWork<T>& w) {
  using R = Real<T>;
  const Index n = w.n;
  const Matrix<T> first{w.z, n, n, 2 * n}, second{w.z + n, n, n, 2 * n};
  // U1ᴴ U2 is Hermitian where the subspace is the one of a Hermitian X; its transpose is U2ᵀ conj(U1)
  la::gemm<T>(1, la::Op::none, read(second), la::Op::adjoint, read(first), 0, w.u);
  const R allowed = std::max(512 * std::numeric_limits<R>::epsilon(), norm1(read(w.u), false) / 10);
  if (!(norm1(read(w.u), true) <= allowed)) return make_info(Fail::no_stabilizing);
  ops::copy(read(first), w.u);
  ops::copy(read(second), w.x);
  ops::lu(w.u, w.pivots);
  R least = std::numeric_limits<R>::infinity(), most = 0;
  for (Index i = 0; i < n; ++i) {
    least = std::min(least, std::abs(w.u(i, i)));
    most = std::max(most, std::abs(w.u(i, i)));
  }
  if (!(least > std::numeric_limits<R>::epsilon() * most)) return make_info(Fail::no_stabilizing);
  ops::lu_solve(read(w.u), w.pivots, false, w.x);  // U1ᵀ Xᵀ = U2ᵀ
  return 0;
}

/// Whether the closed loop A - B G of the scaled equation is stable for all that its eigenvalues tell: of a pair that nothing stabilizes
/// rounding may part eigenvalues on the border into some inside and some outside.
template <Inside inside, class T>
std::int32_t check_closed_loop(const RiccatiWork<T>& w) {
  using R = Real<T>;
  const Index n = w.n, k = w.k;
  const auto x = w.u, closed = w.closed.form.l;
  for (Index i = 0; i < n; ++i)
    for (Index p = 0; p < n; ++p) x(p, i) = ops::times_power(w.x(i, p), w.powers[i] + w.powers[p]);
  la::gemm<T>(1, la::Op::adjoint, read(w.b), la::Op::none, read(x), 0, w.product);
  if (inside == Inside::left_half) {
    ops::copy(read(w.product), w.gain);
  } else {
    la::gemm<T>(1, la::Op::none, read(w.product), la::Op::none, read(w.b), 1, w.r);
    la::gemm<T>(1, la::Op::none, read(w.product), la::Op::none, read(w.a), 0, w.gain);
    ops::lu(w.r, w.own);
    for (Index i = 0; i < k; ++i)
      if (w.r(i, i) == T(0)) return make_info(Fail::no_stabilizing);
  }
  ops::lu_solve(read(w.r), w.own, false, w.gain);
  ops::copy(read(w.a), closed);
  la::gemm<T>(-1, la::Op::none, read(w.b), la::Op::none, read(w.gain), 1, closed);
  if (!ops::all_finite(read(closed))) return make_info(Fail::overflow);
  if (const auto info = ops::schur_form(w.closed); info != 0) return info;
  R most = 0, off = std::numeric_limits<R>::infinity();
  for (Index i = 0; i < n; ++i) {
    const auto value = w.closed.form.values[i];
    most = std::max(most, std::abs(value));
    off = std::min(off, inside == Inside::left_half ? -value.real() : 1 - std::abs(value));
  }
  const R noise = R(n) * std::numeric_limits<R>::epsilon() * (inside == Inside::left_half ? most : R(1));
  return off > noise ? 0 : make_info(Fail::no_stabilizing);
}

/// X' in units that `shift` changes; zero where there was none to check.
template <Inside inside, class T>
std::int32_t solve_shifted(const Call& call, const Scaling& by, int shift, const RiccatiWork<T>& w) {
  const Index n = w.n, k = w.k, twice = 2 * n;
  std::fill_n(w.x.data, n * n, T(0));
  extended_pencil<inside>(call, by, w);
  if (inside == Inside::left_half) {
    ops::lu(w.r, w.own);
    for (Index i = 0; i < k; ++i)
      if (w.r(i, i) == T(0)) return make_info(Fail::singular, i + 1);
  }
  if (n == 0) return 0;
  balance_pencil(w, shift);
  // rows that the last k columns, those of the input, do not reach
  if (k > 0) {
    T* const last = w.h.data + twice * w.size;
    la::fortran::geqrf(la::to_int(w.size), la::to_int(k), last, la::to_int(w.size), w.tau, w.work, la::to_int(w.count));
    for (T* const m : {w.h.data, w.j.data}) la::multiply_by_adjoint(w.size, twice, k, last, w.tau, m, w.size, w.work, w.count);
  }
  la::Int stable = 0;
  const la::Int info = la::gges_chosen<inside>(twice, w.h.data + k, w.j.data + k, w.size, w.z, w.alpha, w.beta, &stable, w.work, w.count,
                                               w.reals, w.logicals);
  if (info > 0 && info <= twice + 1) return make_info(Fail::no_convergence, info);
  if (info != 0 || stable != n || on_border<inside>(w.alpha, w.beta, twice)) return make_info(Fail::no_stabilizing);
  if (const auto failed = from_subspace(w); failed != 0) return failed;
  return check_closed_loop<inside>(w);
}

/// A subspace [U1; U2] is known to within ε: where X' is far from 1 one of them has lost digits, and other units give them back.
template <Inside inside, class T>
std::int32_t solve(const Call& call, const RiccatiWork<T>& w) {
  constexpr int kRounds = 6, kNear = 10;
  const Index n = w.n, k = w.k;
  if (!w.fits) return make_info(Fail::too_large);
  const auto a = call.matrix<const T>(0, n, n), b = call.matrix<const T>(1, n, k), q = call.matrix<const T>(2, n, n),
             r = call.matrix<const T>(3, k, k);
  for (const auto& m : {a, b, q, r})
    if (!ops::all_finite(m)) return make_info(Fail::not_finite);
  const Scaling by = scaling_of<inside>(a, b, q, r, w.units);
  const auto x = call.matrix<T>(4, n, n);
  std::int32_t first = 0;
  bool solved = false;
  for (int round = 0, shift = 0; round < kRounds; ++round) {
    const std::int32_t info = solve_shifted<inside>(call, by, shift, w);
    if (round == 0) first = info;
    if (info == 0) {
      solved = true;
      for (Index i = 0; i < n; ++i)
        for (Index p = 0; p < n; ++p) x(p, i) = ops::times_power(w.x(i, p), w.powers[i] + w.powers[p] - by.x);
    }
    if (ops::largest_part(read(w.x)) == 0 || !ops::all_finite(read(w.x))) break;
    const int off = size_of(read(w.x));
    if (std::abs(off) <= kNear) break;
    shift += off / 2;
  }
  if (!solved) return first;
  ops::symmetrize(x);
  return ops::check_answer(read(x));
}

/// a (n,n), b (n,k), q (n,n), r (k,k) -> x (n,n): Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0, the Hermitian X with A - B R⁻¹ Bᴴ X stable; of Q and R
/// the Hermitian parts. Fails: not_finite, too_large, singular (R), no_convergence, no_stabilizing, overflow.
template <class T>
std::int32_t care(const Call& call, const RiccatiWork<T>& work) {
  return solve<Inside::left_half>(call, work);
}
/// The same of Aᴴ X A - X - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q = 0, with A - B (R + Bᴴ X B)⁻¹ Bᴴ X A stable; R may be singular.
template <class T>
std::int32_t dare(const Call& call, const RiccatiWork<T>& work) {
  return solve<Inside::unit_circle>(call, work);
}

constexpr Kernel kList[] = {
    {"care", "T(n,n) T(n,k) T(n,n) T(k,k) -> T(n,n)", "", 400, BS_SINGLE(care, RiccatiWork)},
    {"dare", "T(n,n) T(n,k) T(n,n) T(k,k) -> T(n,n)", "", 400, BS_SINGLE(dare, RiccatiWork)},
};

}  // namespace

BS_LIST(riccati, kList)

}  // namespace backsolve
