// Order along an axis. NaN comes last, or first where it is told to; complex numbers go by real part, then imaginary part; equal elements
// keep their order.
#include <bit>
#include <utility>

#include "list.h"

namespace backsolve {
namespace {

/// Unsigned numbers in the order of those that they stand for; -0 and 0 are one, NaN is the largest.
std::uint8_t key_of(std::uint8_t x) { return x != 0; }
std::uint32_t key_of(std::int32_t x) { return static_cast<std::uint32_t>(x) ^ 0x80000000u; }
template <class U, class R>
U key_of_real(R x) {
  constexpr U sign = U{1} << (8 * sizeof(U) - 1);
  if (x != x) return static_cast<U>(~U{0});
  const U bits = std::bit_cast<U>(x + R(0));
  return (bits & sign) != 0 ? static_cast<U>(~bits) : static_cast<U>(bits | sign);
}
std::uint32_t key_of(float x) { return key_of_real<std::uint32_t>(x); }
std::uint64_t key_of(double x) { return key_of_real<std::uint64_t>(x); }

template <class T>
using KeyOf = decltype(key_of(T{}));
template <class K>
struct Entry {
  K key;
  std::int32_t at;
};

/// attrs [descending, nanFirst]. A descending order is that of the complements, but for NaN.
struct Order {
  bool descending, nan_first;
  template <class T>
  KeyOf<T> key(T x) const {
    using K = KeyOf<T>;
    if (x != x) return nan_first ? K{0} : static_cast<K>(~K{0});
    return descending ? static_cast<K>(~key_of(x)) : key_of(x);
  }
};

/// Two lists of n entries.
template <class T>
struct Keys {
  Entry<KeyOf<T>>*first, *second;
  Keys(Arena& arena, const Call& call) {
    const Index n = call.dims[1] == 0 ? 0 : call.dims[0];
    first = arena.take<Entry<KeyOf<T>>>(n);
    second = arena.take<Entry<KeyOf<T>>>(n);
  }
};

constexpr Index kShort = 256;  // up to here a comparison sort is faster than passes over digits
constexpr int kDigit = 11;     // bits

/// By digits, the lowest first: each pass keeps the order of equal ones. A digit that all have alike is passed over.
template <class K>
const Entry<K>* sort_entries(Entry<K>* from, Entry<K>* to, Index n) {
  if (n <= kShort) {
    std::sort(from, from + n, [](const Entry<K>& a, const Entry<K>& b) { return a.key < b.key || (a.key == b.key && a.at < b.at); });
    return from;
  }
  constexpr int kBuckets = 1 << kDigit;
  for (int shift = 0; shift < static_cast<int>(8 * sizeof(K)); shift += kDigit) {
    Index count[kBuckets] = {};
    const auto digit = [&](const Entry<K>& e) { return static_cast<std::size_t>(e.key >> shift) & (kBuckets - 1); };
    for (Index i = 0; i < n; ++i) ++count[digit(from[i])];
    if (count[digit(from[0])] == n) continue;
    Index begin = 0;
    for (Index& c : count) begin += std::exchange(c, begin);
    for (Index i = 0; i < n; ++i) to[count[digit(from[i])]++] = from[i];
    std::swap(from, to);
  }
  return from;
}

/// Calls put(i, at): element i of the order of column j is the one at `at`.
template <class T, class F>
void order_column(const Call& call, const Keys<T>& keys, Index j, F&& put) {
  const Index n = call.dims[0], c = call.dims[1];
  const T* const x = call.vector<const T>(0) + j;
  const Order order{call.attrs[0] != 0, call.attrs[1] != 0};
  for (Index i = 0; i < n; ++i) keys.first[i] = {order.key(x[i * c]), static_cast<std::int32_t>(i)};
  const auto* const sorted = sort_entries(keys.first, keys.second, n);
  for (Index i = 0; i < n; ++i) put(i, sorted[i].at);
}

/// Complex numbers have no keys: places are compared.
template <class R>
struct Places {
  std::int32_t* at;
  Places(Arena& arena, const Call& call) { at = arena.take<std::int32_t>(call.dims[1] == 0 ? 0 : call.dims[0]); }
};
template <class R, class F>
void order_column(const Call& call, const Places<R>& places, Index j, F&& put) {
  const Index n = call.dims[0], c = call.dims[1];
  const auto* const x = call.vector<const std::complex<R>>(0) + j;
  const bool descending = call.attrs[0] != 0, nan_first = call.attrs[1] != 0;
  const auto nan = [](std::complex<R> z) { return z != z; };
  for (Index i = 0; i < n; ++i) places.at[i] = static_cast<std::int32_t>(i);
  std::sort(places.at, places.at + n, [&](std::int32_t k, std::int32_t l) {
    const std::complex<R> a = x[k * c], b = x[l * c];
    if (nan(a) || nan(b)) return nan(a) == nan(b) ? k < l : nan(a) == nan_first;
    if (a.real() != b.real()) return (a.real() < b.real()) != descending;
    return a.imag() != b.imag() ? (a.imag() < b.imag()) != descending : k < l;
  });
  for (Index i = 0; i < n; ++i) put(i, places.at[i]);
}

template <class T>
struct Work : Keys<T> {
  using Keys<T>::Keys;
};
template <class R>
struct Work<std::complex<R>> : Places<R> {
  using Places<R>::Places;
};

/// Columns of x (n,c) in their order. dims {n, c}.
template <class T>
std::int32_t sort(const Call& call, const Work<T>& work) {
  const Index c = call.dims[1];
  const T* const x = call.vector<const T>(0);
  T* const y = call.vector<T>(1);
  for (Index j = 0; j < c; ++j) order_column(call, work, j, [&](Index i, Index at) { y[i * c + j] = x[at * c + j]; });
  return 0;
}
/// Which element comes where.
template <class T>
std::int32_t argsort(const Call& call, const Work<T>& work) {
  const Index c = call.dims[1];
  auto* const y = call.vector<std::int32_t>(1);
  for (Index j = 0; j < c; ++j) order_column(call, work, j, [&](Index i, std::int32_t at) { y[i * c + j] = at; });
  return 0;
}

/// Before which element of x, in ascending order, each of v would stand: the first place, or with `right` the last. dims {n, k}, attrs
/// [right].
template <class T>
std::int32_t search_sorted(const Call& call, const NoWork<T>&) {
  const Index n = call.dims[0], k = call.dims[1];
  const T *const x = call.vector<const T>(0), *const v = call.vector<const T>(1);
  auto* const y = call.vector<std::int32_t>(2);
  const bool right = call.attrs[0] != 0;
  const auto before = [](T a, T b) { return a < b || (a == a && b != b); };
  for (Index i = 0; i < k; ++i) {
    const T* const found = right ? std::upper_bound(x, x + n, v[i], before) : std::lower_bound(x, x + n, v[i], before);
    y[i] = static_cast<std::int32_t>(found - x);
  }
  return 0;
}
constexpr Single kSearch{{run_in<NoWork<float>, search_sorted<float>>, run_in<NoWork<double>, search_sorted<double>>, nullptr, nullptr,
                          nullptr, run_in<NoWork<std::int32_t>, search_sorted<std::int32_t>>},
                         {bytes_of<NoWork<float>>, bytes_of<NoWork<double>>, nullptr, nullptr, nullptr, bytes_of<NoWork<std::int32_t>>}};

constexpr Kernel kList[] = {
    {"sort", "T(n,c) -> T(n,c)", "11", 0, BS_SINGLE_ANY(sort, Work)},
    {"argsort", "T(n,c) -> I(n,c)", "11", 0, BS_SINGLE_ANY(argsort, Work)},
    {"searchSorted", "T(n) T(k) -> I(k)", "1", 0, kSearch},
};

}  // namespace

BS_LIST(sorting, kList)

}  // namespace backsolve
