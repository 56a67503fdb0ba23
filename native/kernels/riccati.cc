// Riccati's equations by ordered Schur forms of extended pencils (Van Dooren 1981), balanced as Benner (2001) does.
// docs/derivations/riccati.md. In double precision whatever the dtype.
#include "closed_loop.h"
#include "list.h"

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

/// Of the extended pencil: its order, and LAPACK's workspace.
template <class T>
struct PencilSize {
  Index size, count;
  bool fits;
  PencilSize(Index n, Index k) : size(2 * n + k), count(la::gges_work(2 * n, size)), fits(la::fits(count) && la::fits(size * size)) {}
};
template <class T>
struct RiccatiWork : PencilSize<T>, ops::ClosedLoop<T> {
  Columns<T> h, j;  // the pencil: N x N, and N x 2n as its last columns are zero
  T *z, *tau, *work;
  Matrix<T> given[4], answer;  // A, B, Q, R, X
  Matrix<T> xt;                // X', transposed
  std::complex<Real<T>>* alpha;
  Real<T>*beta, *reals;
  double* balance;
  int *powers, *units;
  la::Int* logicals;
  ops::Pivot* pivots;
  RiccatiWork(Arena& arena, const Call& call)
      : PencilSize<T>(call.dims[0], call.dims[1]), ops::ClosedLoop<T>(arena, call.dims[0], call.dims[1], this->fits) {
    if (!this->fits) return;
    const Index n = this->n, k = this->k, size = this->size;
    h = {arena.take<T>(size * size), size, size};
    j = {arena.take<T>(size * 2 * n), size, 2 * n};
    z = arena.take<T>(4 * n * n);
    tau = arena.take<T>(k);
    const Index cols[] = {n, k, n, k};
    for (int i = 0; i < 4; ++i) given[i] = arena.matrix<T>(i == 3 ? k : n, cols[i]);
    for (auto* m : {&answer, &xt}) *m = arena.matrix<T>(n, n);
    alpha = arena.take<std::complex<Real<T>>>(2 * n);
    beta = arena.take<Real<T>>(2 * n);
    reals = arena.take<Real<T>>(16 * n);
    balance = arena.take<double>(size * size);
    powers = arena.take<int>(size);
    units = arena.take<int>(k);
    logicals = arena.take<la::Int>(2 * n);
    pivots = arena.take<ops::Pivot>(n);
    work = arena.take<T>(this->count);
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
/// The exponent of bᴴ Q b, about, whatever the units of the states: Q_ij² <= Q_ii Q_jj.
template <class T>
int cost_of(Matrix<const T> b, Matrix<const T> q) {
  int most = std::numeric_limits<int>::min();
  for (Index i = 0; i < b.rows; ++i) {
    const Real<T> part = ops::largest_part(b(i, 0)), weight = ops::largest_part(q(i, i));
    if (part > 0 && weight > 0) most = std::max(most, static_cast<int>(2 * ops::exponent_of(part) + ops::exponent_of(weight)));
  }
  return most;
}
// Units leave the equation what it is: of the inputs, columns of B with 2^u_i and R with 2^(u_i + u_j), make the diagonal of R 1, or of
// R + Bᴴ Q B where the equation is discrete, as nothing but R + Bᴴ X B is ever inverted; of the cost, 2^s (Q, R, X), and of time, 2^t (A,
// Q, R⁻¹) of the continuous equation, where R is made 1 again by the inputs', bring Q and B to one size.
template <Inside inside, class T>
Scaling scaling_of(Matrix<const T> a, Matrix<const T> b, Matrix<const T> q, Matrix<const T> r, int* units) {
  const auto none = [](Matrix<const T> m) { return ops::largest_part(m) == 0; };
  const bool with_inputs = !none(b), with_cost = !none(q);
  const int of_q = size_of(q), of_a = size_of(a);
  int of_b = std::numeric_limits<int>::min();
  for (Index i = 0; i < b.cols; ++i) {
    const auto column = ops::block(b, 0, i, b.rows, 1);
    const Real<T> weight = ops::largest_part(r(i, i));
    const int own = size_of(column), of_weight = static_cast<int>(ops::exponent_of(weight));
    const int of_cost = inside == Inside::unit_circle ? cost_of(column, q) : of_weight;
    units[i] = weight > 0 ? -std::max(of_weight, of_cost) / 2 : -own;
    if (!none(column)) of_b = std::max(of_b, own + units[i]);
  }
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
void extended_pencil(const Scaling& by, const RiccatiWork<T>& w) {
  constexpr bool kContinuous = inside == Inside::left_half;
  const Index n = w.n, k = w.k;
  const auto [a, b, q, r] = w.given;
  const auto half = [](Matrix<T> m, Index i, Index p, int power) {  // the Hermitian part
    return ops::times_power(m(i, p), power - 1) + ops::conj(ops::times_power(m(p, i), power - 1));
  };
  std::fill_n(w.h.data, w.size * w.size, T(0));
  std::fill_n(w.j.data, w.size * 2 * n, T(0));
  for (Index i = 0; i < n; ++i) {
    for (Index p = 0; p < n; ++p) {
      const T own = ops::times_power(a(i, p), by.a);
      w.h(i, p) = w.a(i, p) = own;
      w.q(i, p) = half(q, i, p, by.q);
      w.h(n + i, p) = -w.q(i, p);
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
  for (Index i = 0; i < n; ++i) {
    for (Index p = 0; p < n; ++p) {
      w.a(i, p) = ops::times_power(w.a(i, p), d[i] - d[p]);
      w.q(i, p) = ops::times_power(w.q(i, p), -d[i] - d[p]);
    }
    for (Index p = 0; p < w.k; ++p) w.b(i, p) = ops::times_power(w.b(i, p), d[i]);
  }
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
/// X' = U2 U1⁻¹, transposed, of the stable subspace [U1; U2], whose transposes are the first rows of `z`.
template <class T>
std::int32_t from_subspace(const RiccatiWork<T>& w) {
  using R = Real<T>;
  const Index n = w.n;
  const Matrix<T> first{w.z, n, n, 2 * n}, second{w.z + n, n, n, 2 * n};
  // U1ᴴ U2 is Hermitian where the subspace is the one of a Hermitian X; its transpose is U2ᵀ conj(U1)
  la::gemm<T>(1, la::Op::none, read(second), la::Op::adjoint, read(first), 0, w.x);
  const R allowed = std::max(512 * std::numeric_limits<R>::epsilon(), ops::norm1(read(w.x), false) / 10);
  if (!(ops::norm1(read(w.x), true) <= allowed)) return make_info(Fail::no_stabilizing);
  ops::copy(read(first), w.x);
  ops::copy(read(second), w.xt);
  ops::lu(w.x, w.pivots);
  R least = std::numeric_limits<R>::infinity(), most = 0;
  for (Index i = 0; i < n; ++i) {
    least = std::min(least, std::abs(w.x(i, i)));
    most = std::max(most, std::abs(w.x(i, i)));
  }
  if (!(least > std::numeric_limits<R>::epsilon() * most)) return make_info(Fail::no_stabilizing);
  ops::lu_solve(read(w.x), w.pivots, false, w.xt);  // U1ᵀ Xᵀ = U2ᵀ
  return 0;
}

template <class T>
void transpose(Matrix<const T> from, Matrix<T> to) {
  for (Index i = 0; i < from.rows; ++i)
    for (Index p = 0; p < from.cols; ++p) to(p, i) = from(i, p);
}

/// X' in units that `shift` changes; zero where there was none to check.
template <Inside inside, class T>
std::int32_t solve_shifted(const Scaling& by, int shift, const RiccatiWork<T>& w) {
  const Index n = w.n, k = w.k, twice = 2 * n;
  std::fill_n(w.xt.data, n * n, T(0));
  extended_pencil<inside>(by, w);
  if (inside == Inside::left_half) {
    ops::copy(read(w.r), w.weight);
    ops::lu(w.weight, w.own);
    for (Index i = 0; i < k; ++i)
      if (w.weight(i, i) == T(0)) return make_info(Fail::singular, i + 1);
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
  transpose(read(w.xt), w.x);
  ops::symmetrize(w.x);
  if (const auto failed = ops::close_loop<inside, T>(w); failed != 0) return failed;
  if (const auto failed = ops::check_stable<inside, T>(w); failed != 0) return failed;
  ops::refine<inside, T>(w);
  transpose(read(w.x), w.xt);
  return 0;
}

template <class T>
using Wide = std::conditional_t<ops::kComplex<T>, std::complex<double>, double>;
template <class T>
using WideWork = RiccatiWork<Wide<T>>;
template <class T, class U>
void convert(Matrix<const T> from, Matrix<U> to) {
  for (Index i = 0; i < from.rows; ++i)
    for (Index p = 0; p < from.cols; ++p) to(i, p) = static_cast<U>(from(i, p));
}

/// A subspace [U1; U2] is known to within ε: where X' is far from 1 one of them has lost digits, and other units give them back.
template <Inside inside, class T>
std::int32_t solve(const Call& call, const WideWork<T>& w) {
  constexpr int kRounds = 6, kNear = 10;
  if (!w.fits) return make_info(Fail::too_large);
  for (int i = 0; i < 4; ++i) {
    const auto m = call.matrix<const T>(i, w.given[i].rows, w.given[i].cols);
    if (!ops::all_finite(m)) return make_info(Fail::not_finite);
    convert(m, w.given[i]);
  }
  const Scaling by = scaling_of<inside>(read(w.given[0]), read(w.given[1]), read(w.given[2]), read(w.given[3]), w.units);
  std::int32_t first = 0;
  bool solved = false;
  for (int round = 0, shift = 0; round < kRounds; ++round) {
    const std::int32_t info = solve_shifted<inside>(by, shift, w);
    if (round == 0) first = info;
    if (info == 0) {
      solved = true;
      for (Index i = 0; i < w.n; ++i)
        for (Index p = 0; p < w.n; ++p) w.answer(p, i) = ops::times_power(w.xt(i, p), w.powers[i] + w.powers[p] - by.x);
    }
    if (ops::largest_part(read(w.xt)) == 0 || !ops::all_finite(read(w.xt))) break;
    const int off = size_of(read(w.xt));
    if (std::abs(off) <= kNear) break;
    shift += off / 2;
  }
  if (!solved) return first;
  ops::symmetrize(w.answer);
  const auto x = call.matrix<T>(4, w.n, w.n);
  convert(read(w.answer), x);
  return ops::check_answer(read(x));
}

/// a (n,n), b (n,k), q (n,n), r (k,k) -> x (n,n): Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0, the Hermitian X with A - B R⁻¹ Bᴴ X stable; of Q and R
/// the Hermitian parts. Fails: not_finite, too_large, singular (R), no_convergence, no_stabilizing, overflow.
template <class T>
std::int32_t care(const Call& call, const WideWork<T>& work) {
  return solve<Inside::left_half, T>(call, work);
}
/// The same of Aᴴ X A - X - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q = 0, with A - B (R + Bᴴ X B)⁻¹ Bᴴ X A stable; R may be singular.
template <class T>
std::int32_t dare(const Call& call, const WideWork<T>& work) {
  return solve<Inside::unit_circle, T>(call, work);
}

constexpr Limits kLimits{.declines = true};
constexpr Kernel kList[] = {
    {"care", "T(n,n) T(n,k) T(n,n) T(k,k) -> T(n,n)", "", 400, BS_SINGLE(care, WideWork), Lanes::care, kLimits},
    {"dare", "T(n,n) T(n,k) T(n,n) T(k,k) -> T(n,n)", "", 400, BS_SINGLE(dare, WideWork), Lanes::dare, kLimits},
};

}  // namespace

BS_LIST(riccati, kList)

}  // namespace backsolve
