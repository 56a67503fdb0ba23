// Cholesky factors of L Lᴴ + X Xᴴ and L Lᴴ - X Xᴴ by rotations, row by row. docs/derivations/cholesky.md
#include "least_squares.h"
#include "list.h"

namespace backsolve {
namespace {

template <class T>
struct UpdateWork {
  Matrix<T> x, s;
  Matrix<Real<T>> c, inverse;  // 1/c
  T* phase;
  UpdateWork(Arena& arena, const Call& call) {
    const Index n = call.dims[0], k = call.dims[1];
    x = arena.matrix<T>(n, k);
    s = arena.matrix<T>(n, k);
    c = arena.matrix<Real<T>>(n, k);
    inverse = arena.matrix<Real<T>>(n, k);
    phase = arena.take<T>(n);
  }
};

/// Columns from..to of `count` rows of L', and what is left of these rows of X, by the rotations of the columns. The rows do not wait for
/// each other, as every step of one does for the step before.
template <bool down, Index count, class T>
void rotate(const UpdateWork<T>& w, Matrix<T> l, Index row, Index from, Index to) {
  for (Index p = 0; p < w.x.cols; ++p) {
    T x[count];
    for (Index r = 0; r < count; ++r) x[r] = w.x(row + r, p);
    for (Index j = from; j < to; ++j) {
      const Real<T> c = w.c(j, p), inverse = w.inverse(j, p);
      const T s = w.s(j, p), turned = ops::conj(s);
      for (Index r = 0; r < count; ++r) {
        T& own = l(row + r, j);
        const T before = own;
        if constexpr (down) {  // hyperbolic, in the mixed form that is stable (Bojanczyk, Brent, Van Dooren & de Hoog 1987)
          own = (before - turned * x[r]) * inverse;
          x[r] = c * x[r] - s * own;
        } else {
          own = c * before + turned * x[r];
          x[r] = c * x[r] - s * before;
        }
      }
    }
    for (Index r = 0; r < count; ++r) w.x(row + r, p) = x[r];
  }
}
/// The rotations of column i, c = l/r and s = x/r or, down, c = r/l and s = x/l, from the diagonal, which becomes r. Whether it is
/// positive.
template <bool down, class T>
bool start(const UpdateWork<T>& w, Index i, T& diagonal) {
  using R = Real<T>;
  R l = std::abs(diagonal);
  for (Index p = 0; p < w.x.cols; ++p) {
    const R x = std::abs(w.x(i, p));
    if (down ? !(x < l) : !(l > 0 || x > 0)) return false;
    const R r = down ? l * std::sqrt((1 - x / l) * (1 + x / l)) : std::hypot(l, x);
    w.c(i, p) = down ? r / l : l / r;
    w.inverse(i, p) = l / r;
    w.s(i, p) = w.x(i, p) / (down ? l : r);
    l = r;
  }
  diagonal = l;
  return l > 0;
}

template <bool down, class T>
std::int32_t change(const Call& call, const UpdateWork<T>& w) {
  constexpr Index kRows = 8;
  const Index n = call.dims[0], k = call.dims[1];
  const auto given = call.matrix<const T>(0, n, n), vectors = call.matrix<const T>(1, n, k);
  const auto l = call.matrix<T>(2, n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) l(i, j) = j <= i ? given(i, j) : T(0);
  if (!ops::all_finite(ops::read(l)) || !ops::all_finite(vectors)) return make_info(Fail::not_finite);
  const int power = ops::power_for(std::max(ops::largest_part(ops::read(l)), ops::largest_part(vectors)));
  ops::scale(l, power);
  ops::scale(vectors, power, w.x);
  // the columns of L turned so that its diagonal is not negative
  for (Index i = 0; i < n; ++i) w.phase[i] = l(i, i) == T(0) ? T(1) : ops::conj(l(i, i)) / std::abs(l(i, i));
  if (std::any_of(w.phase, w.phase + n, [](T x) { return x != T(1); }))
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j <= i; ++j) l(i, j) *= w.phase[j];
  for (Index first = 0; first < n; first += kRows) {
    const Index rows = std::min(kRows, n - first);
    if (rows == kRows) rotate<down, kRows>(w, l, first, 0, first);
    for (Index i = first; i < first + rows; ++i) {
      rotate<down, 1>(w, l, i, rows == kRows ? first : 0, i);
      if (!start<down>(w, i, l(i, i))) return make_info(Fail::not_positive_definite, i + 1);
    }
  }
  ops::scale(l, -power);
  return ops::check_answer(ops::read(l));
}

/// l (n,n), x (n,k) -> y (n,n), lower with a positive diagonal: Y Yᴴ = L Lᴴ + X Xᴴ. Reads the lower triangle of L. Fails: not_finite,
/// not_positive_definite (the order of the minor), overflow.
template <class T>
std::int32_t update(const Call& call, const UpdateWork<T>& work) {
  return change<false>(call, work);
}
/// Likewise of L Lᴴ - X Xᴴ.
template <class T>
std::int32_t downdate(const Call& call, const UpdateWork<T>& work) {
  return change<true>(call, work);
}

constexpr Limits kLimits{.declines = true, .rate = 0.7, .many = 256};
constexpr Kernel kList[] = {
    {"choleskyUpdate", "T(n,n) T(n,k) -> T(n,n)", "", 4, BS_SINGLE(update, UpdateWork), Lanes::cholesky_update, kLimits},
    {"choleskyDowndate", "T(n,n) T(n,k) -> T(n,n)", "", 4, BS_SINGLE(downdate, UpdateWork), Lanes::cholesky_downdate, kLimits},
};

}  // namespace

BS_LIST(cholesky_update, kList)

}  // namespace backsolve
