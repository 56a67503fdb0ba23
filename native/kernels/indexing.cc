// Elements and rows chosen by index along an axis, and where the largest and the smallest are.
#include <cstring>

#include "list.h"
#include "wrapping.h"

namespace backsolve {
namespace {

/// dims {n, k} along vectors, {n, k, c} along the rows of matrices. attrs [rows].
struct Sizes {
  Index n, k, c;
  explicit Sizes(const Call& call) : n(call.dims[0]), k(call.dims[1]), c(call.attrs[0] != 0 ? call.dims[2] : 1) {}
};

/// Calls f(j, index, e) for entry e, of column j, of the indices, in order; negative ones count from the end.
template <class D, class F>
std::int32_t for_indices(const D& d, const std::int32_t* indices, F&& f) {
  constexpr Index kMaxPlace = (Index{1} << 31) / kFailKinds - 1;
  for (Index e = 0, i = 0; i < d.k; ++i) {
    for (Index j = 0; j < d.c; ++j, ++e) {
      const Index at = indices[e] < 0 ? indices[e] + d.n : indices[e];
      if (at < 0 || at >= d.n) return make_info(Fail::bad_index, std::min(e, kMaxPlace));
      f(j, at, e);
    }
  }
  return 0;
}

/// y_ij = x_pj, p = indices_ij. Fails: bad_index (its position, from 0).
template <class T>
std::int32_t gather(const Call& call, const NoWork<T>&) {
  const Sizes d(call);
  const T* const x = call.vector<const T>(0);
  T* const y = call.vector<T>(2);
  return for_indices(d, call.vector<const std::int32_t>(1), [&](Index j, Index at, Index e) { y[e] = x[at * d.c + j]; });
}

/// y = x, then y_pj += v_ij for each i in order, p = indices_ij. Fails: bad_index (its position, from 0).
template <class T>
std::int32_t scatter_add(const Call& call, const NoWork<T>&) {
  const Sizes d(call);
  const T* const v = call.vector<const T>(2);
  T* const y = call.vector<T>(3);
  if (d.n * d.c > 0) std::memcpy(static_cast<void*>(y), call.vector<const T>(0), static_cast<std::size_t>(d.n * d.c) * sizeof(T));
  return for_indices(d, call.vector<const std::int32_t>(1),
                     [&](Index j, Index at, Index e) { y[at * d.c + j] = plus(y[at * d.c + j], v[e]); });
}

/// Whole rows: dims {n, c, k}. Calls f(index, i) for entry i of the k indices, in order.
template <class F>
std::int32_t for_rows_of(const Call& call, int indices, F&& f) {
  struct {
    Index n, k, c;
  } d{call.dims[0], call.dims[2], 1};
  return for_indices(d, call.vector<const std::int32_t>(indices), [&](Index, Index at, Index i) { f(at, i); });
}
template <class T>
void copy_row(T* to, const T* from, Index c) {
  if (c == 1)
    *to = *from;
  else if (c > 0)
    std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(c) * sizeof(T));
}

/// y_i = x_p, rows, p = indices_i. Fails: bad_index (its position, from 0).
template <class T>
std::int32_t take(const Call& call, const NoWork<T>&) {
  const Index c = call.dims[1];
  const T* const x = call.vector<const T>(0);
  T* const y = call.vector<T>(2);
  return for_rows_of(call, 1, [&](Index at, Index i) { copy_row(y + i * c, x + at * c, c); });
}

/// y = x, then y_p = v_i, or y_p += v_i, for each i in order, p = indices_i. Fails: bad_index (its position, from 0).
template <class T, bool adds>
std::int32_t put(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0], c = call.dims[1];
  const T* const v = call.vector<const T>(2);
  T* const y = call.vector<T>(3);
  if (n * c > 0) std::memcpy(static_cast<void*>(y), call.vector<const T>(0), static_cast<std::size_t>(n * c) * sizeof(T));
  return for_rows_of(call, 1, [&](Index at, Index i) {
    if constexpr (adds)
      for (Index j = 0; j < c; ++j) y[at * c + j] = plus(y[at * c + j], v[i * c + j]);
    else
      copy_row(y + at * c, v + i * c, c);
  });
}
template <class T>
std::int32_t put_rows(const Call& call, const NoWork<T>& work) {
  return put<T, false>(call, work);
}
template <class T>
std::int32_t add_rows(const Call& call, const NoWork<T>& work) {
  return put<T, true>(call, work);
}

/// y = x n + i for an index i into an axis of n, where negative ones count from the end. attrs [n]. Fails: bad_index (its position, from
/// 0).
std::int32_t flat_index(const Call& call, const NoWork<std::int32_t>&) {
  struct {
    Index n, k, c;
  } d{static_cast<Index>(call.attrs[0]), call.dims[0], 1};
  const auto* const x = call.vector<const std::int32_t>(0);
  auto* const y = call.vector<std::int32_t>(2);
  return for_indices(d, call.vector<const std::int32_t>(1),
                     [&](Index, Index at, Index e) { y[e] = static_cast<std::int32_t>(static_cast<std::uint32_t>(x[e] * d.n + at)); });
}
constexpr Single kFlatIndex = [] {
  Single s{};
  s.run[static_cast<int>(DType::i32)] = run_in<NoWork<std::int32_t>, flat_index>;
  s.workspace[static_cast<int>(DType::i32)] = bytes_of<NoWork<std::int32_t>>;
  return s;
}();

template <class T>
bool is_nan(T x) {
  return x != x;
}
/// Complex numbers by real part, then imaginary part, as NumPy orders them.
template <class T>
bool less(T a, T b) {
  return a < b;
}
template <class R>
bool less(std::complex<R> a, std::complex<R> b) {
  return a.real() < b.real() || (a.real() == b.real() && a.imag() < b.imag());
}

/// Where in each column of x (n,c) the first of the largest (smallest) elements is, or the first NaN. dims {n, c}. Fails: empty.
template <class T, bool largest>
std::int32_t arg_extreme(const Call& call) {
  const Index n = call.dims[0], c = call.dims[1];
  const T* const x = call.vector<const T>(0);
  auto* const y = call.vector<std::int32_t>(1);
  if (n == 0 && c > 0) return make_info(Fail::empty);
  const auto beats = [](T next, T best) { return !is_nan(best) && (is_nan(next) || (largest ? less(best, next) : less(next, best))); };
  if (c == 1) {
    Index at = 0;
    T best = x[0];
    for (Index i = 1; i < n; ++i) {
      if (!beats(x[i], best)) continue;
      at = i;
      best = x[i];
    }
    *y = static_cast<std::int32_t>(at);
    return 0;
  }
  std::fill_n(y, c, 0);
  for (Index i = 1; i < n; ++i) {
    for (Index j = 0; j < c; ++j) {
      if (beats(x[i * c + j], x[y[j] * c + j])) y[j] = static_cast<std::int32_t>(i);
    }
  }
  return 0;
}
template <class T>
std::int32_t argmax(const Call& call, const NoWork<T>&) {
  return arg_extreme<T, true>(call);
}
template <class T>
std::int32_t argmin(const Call& call, const NoWork<T>&) {
  return arg_extreme<T, false>(call);
}

constexpr int by_rows(const double* attrs) { return attrs[0] != 0; }

constexpr Kernel kList[] = {
    {"gather", {by_rows, {"T(n) I(k) -> T(k)", "T(n,c) I(k,c) -> T(k,c)"}}, "1", 0, BS_SINGLE_ANY(gather, NoWork)},
    {"scatterAdd", {by_rows, {"T(n) I(k) T(k) -> T(n)", "T(n,c) I(k,c) T(k,c) -> T(n,c)"}}, "1", 0, BS_SINGLE_ANY(scatter_add, NoWork)},
    {"take", "T(n,c) I(k) -> T(k,c)", "", 0, BS_SINGLE_ANY(take, NoWork)},
    {"putRows", "T(n,c) I(k) T(k,c) -> T(n,c)", "", 0, BS_SINGLE_ANY(put_rows, NoWork)},
    {"addRows", "T(n,c) I(k) T(k,c) -> T(n,c)", "", 0, BS_SINGLE_ANY(add_rows, NoWork)},
    {"flatIndex", "I(k) I(k) -> I(k)", "r", 0, kFlatIndex},
    {"argmax", "T(n,c) -> I(c)", "", 0, BS_SINGLE_ANY(argmax, NoWork)},
    {"argmin", "T(n,c) -> I(c)", "", 0, BS_SINGLE_ANY(argmin, NoWork)},
};

}  // namespace

BS_LIST(indexing, kList)

}  // namespace backsolve
