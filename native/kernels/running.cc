// Along an axis: of every element what those up to it are together, and products of all.
#include <cmath>
#include <limits>

#include "list.h"
#include "wrapping.h"

namespace backsolve {
namespace {

/// log(e^a + e^b).
template <class T>
T log_add(T a, T b) {
  const T most = a < b ? b : a, least = a < b ? a : b;
  if (a != a || b != b) return a + b;
  if (most == least) return most + static_cast<T>(0.693147180559945309417232121458176568L);  // infinities of one sign, too
  return most + std::log1p(std::exp(least - most));
}

/// Columns of x (n,c), dims {n, c}, attrs [reverse]: first(y, at) at the element where it begins, then next(y, before, at), places of
/// elements.
template <class First, class Next>
std::int32_t run_along(const Call& call, First&& first, Next&& next) {
  const Index n = call.dims[0], c = call.dims[1];
  if (n * c == 0) return 0;
  const bool reverse = call.attrs[0] != 0;
  const Index step = reverse ? -c : c, begin = reverse ? (n - 1) * c : 0;
  for (Index j = 0; j < c; ++j) first(begin + j);
  for (Index i = 1, at = begin + step; i < n; ++i, at += step) {
    for (Index j = 0; j < c; ++j) next(at - step + j, at + j);
  }
  return 0;
}

template <class T, class F>
std::int32_t fold(const Call& call, F&& f) {
  const T* const x = call.vector<const T>(0);
  T* const y = call.vector<T>(1);
  if (call.dims[1] != 1)
    return run_along(call, [&](Index at) { y[at] = x[at]; }, [&](Index before, Index at) { y[at] = f(y[before], x[at]); });
  T last{};
  return run_along(call, [&](Index at) { y[at] = last = x[at]; }, [&](Index, Index at) { y[at] = last = f(last, x[at]); });
}

template <class T>
std::int32_t cumsum(const Call& call, const NoWork<T>&) {
  return fold<T>(call, plus<T>);
}
template <class T>
std::int32_t cumprod(const Call& call, const NoWork<T>&) {
  return fold<T>(call, [](T a, T b) { return times(a, b); });
}
template <class T>
std::int32_t cumlogsumexp(const Call& call, const NoWork<T>&) {
  return fold<T>(call, log_add<T>);
}

/// y_i = a_i y_(i-1) + b_i, y_(-1) = 0; reversed y_i = a_i y_(i+1) + b_i.
template <class T>
std::int32_t recurrence(const Call& call, const NoWork<T>&) {
  const T *const a = call.vector<const T>(0), *const b = call.vector<const T>(1);
  T* const y = call.vector<T>(2);
  return run_along(call, [&](Index at) { y[at] = b[at]; }, [&](Index before, Index at) { y[at] = times(a[at], y[before]) + b[at]; });
}

/// The product of each column. dims {n, c}.
template <class T>
std::int32_t prod(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0], c = call.dims[1];
  const T* const x = call.vector<const T>(0);
  T* const y = call.vector<T>(1);
  std::fill_n(y, c, T(1));
  if (c == 1) {
    T part[4] = {T(1), T(1), T(1), T(1)};
    for (Index i = 0; i < n; ++i) part[i % 4] = times(part[i % 4], x[i]);
    *y = times(times(part[0], part[1]), times(part[2], part[3]));
    return 0;
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < c; ++j) y[j] = times(y[j], x[i * c + j]);
  }
  return 0;
}

/// Where the largest (smallest) element up to each one is: the first of equal ones, and the first NaN.
template <class T, bool largest>
std::int32_t running_extreme(const Call& call) {
  const T* const x = call.vector<const T>(0);
  auto* const y = call.vector<std::int32_t>(1);
  const Index c = call.dims[1];
  return run_along(
      call, [&](Index at) { y[at] = static_cast<std::int32_t>(at / c); },
      [&](Index before, Index at) {
        const T best = x[y[before] * c + at % c], next = x[at];
        const bool taken = best == best && (next != next || (largest ? best < next : next < best));
        y[at] = taken ? static_cast<std::int32_t>(at / c) : y[before];
      });
}
template <class T>
std::int32_t running_max(const Call& call, const NoWork<T>&) {
  return running_extreme<T, true>(call);
}
template <class T>
std::int32_t running_min(const Call& call, const NoWork<T>&) {
  return running_extreme<T, false>(call);
}

/// Of real numbers and int32.
#define BS_ORDERED(f)                                                                                     \
  (Single{{run_in<NoWork<float>, f<float>>, run_in<NoWork<double>, f<double>>, nullptr, nullptr, nullptr, \
           run_in<NoWork<std::int32_t>, f<std::int32_t>>},                                                \
          {bytes_of<NoWork<float>>, bytes_of<NoWork<double>>, nullptr, nullptr, nullptr, bytes_of<NoWork<std::int32_t>>}})

constexpr Kernel kList[] = {
    {"cumsum", "T(n,c) -> T(n,c)", "1", 0, BS_SINGLE_ANY(cumsum, NoWork)},
    {"cumprod", "T(n,c) -> T(n,c)", "1", 0, BS_SINGLE_ANY(cumprod, NoWork)},
    {"cumlogsumexp", "T(n,c) -> T(n,c)", "1", 0, BS_REAL(cumlogsumexp)},
    {"recurrence", "T(n,c) T(n,c) -> T(n,c)", "1", 0, BS_SINGLE(recurrence, NoWork)},
    {"prod", "T(n,c) -> T(c)", "", 0, BS_SINGLE_ANY(prod, NoWork)},
    {"runningMax", "T(n,c) -> I(n,c)", "1", 0, BS_ORDERED(running_max)},
    {"runningMin", "T(n,c) -> I(n,c)", "1", 0, BS_ORDERED(running_min)},
};

}  // namespace

BS_LIST(running, kList)

}  // namespace backsolve
