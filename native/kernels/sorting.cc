// Order along an axis. NaN comes last, or first where it is told to; complex numbers go by real part, then imaginary part; equal elements
// keep their order.
#include <bit>
#include <limits>
#include <utility>

#include "list.h"

namespace backsolve {
namespace {

/// Unsigned numbers in the order of those that they stand for, of NaN none, and the way back.
std::uint8_t key_of(std::uint8_t x) { return x != 0; }
std::uint32_t key_of(std::int32_t x) { return static_cast<std::uint32_t>(x) ^ 0x80000000u; }
template <class U, class R>
U key_of_real(R x) {
  constexpr U sign = U{1} << (8 * sizeof(U) - 1);
  const U bits = std::bit_cast<U>(x);
  return (bits & sign) != 0 ? static_cast<U>(~bits) : static_cast<U>(bits | sign);
}
std::uint32_t key_of(float x) { return key_of_real<std::uint32_t>(x); }
std::uint64_t key_of(double x) { return key_of_real<std::uint64_t>(x); }
template <class T>
using KeyOf = decltype(key_of(T{}));

void from_key(std::uint8_t key, std::uint8_t& x) { x = key; }
void from_key(std::uint32_t key, std::int32_t& x) { x = static_cast<std::int32_t>(key ^ 0x80000000u); }
template <class U, class R>
void from_key(U key, R& x) {
  constexpr U sign = U{1} << (8 * sizeof(U) - 1);
  x = std::bit_cast<R>((key & sign) != 0 ? static_cast<U>(key ^ sign) : static_cast<U>(~key));
}

/// attrs [descending, nanFirst]. A descending order is that of the complements, but for NaN, which no other key can be: those of numbers
/// end with the infinities'.
struct Order {
  bool descending, nan_first;
  template <class T>
  KeyOf<T> key(T x) const {
    using K = KeyOf<T>;
    if (x != x) return nan_first ? K{0} : static_cast<K>(~K{0});
    return descending ? static_cast<K>(~key_of(x)) : key_of(x);
  }
  template <class T>
  T value(KeyOf<T> key) const {
    using K = KeyOf<T>;
    if constexpr (std::is_floating_point_v<T>)
      if (key == (nan_first ? K{0} : static_cast<K>(~K{0}))) return std::numeric_limits<T>::quiet_NaN();
    T x;
    from_key(descending ? static_cast<K>(~key) : key, x);
    return x;
  }
};

template <class K>
struct Entry {
  K key;
  std::int32_t at;
};
template <class K>
K key_in(K key) {
  return key;
}
template <class K>
K key_in(const Entry<K>& e) {
  return e.key;
}
template <class K>
bool comes_before(K a, K b) {
  return a < b;
}
template <class K>
bool comes_before(const Entry<K>& a, const Entry<K>& b) {
  return a.key < b.key || (a.key == b.key && a.at < b.at);
}

/// Two lists of n entries, and how many of each value each digit has.
template <class T>
struct Keys {
  Entry<KeyOf<T>>*first, *second;
  std::int32_t* counts;
  Keys(Arena& arena, const Call& call) {
    const Index n = call.dims[1] == 0 ? 0 : call.dims[0];
    first = arena.take<Entry<KeyOf<T>>>(n);
    second = arena.take<Entry<KeyOf<T>>>(n);
    counts = arena.take<std::int32_t>(n > kShort ? kCounts : 0);
  }
  static constexpr Index kShort = 128;             // up to here comparisons are faster than passes over digits
  static constexpr Index kCounts = 6 * (1 << 11);  // of the 8 digits of 8 bits, or the 6 of 11
};

/// By digits, the lowest first: each pass keeps the order of equal ones. A digit that all have alike is passed over. Returns where they are
/// then.
template <class T, class E>
const E* sort_by_digits(E* from, E* to, std::int32_t* counts, Index n) {
  using K = KeyOf<T>;
  constexpr int kBits = static_cast<int>(8 * sizeof(K));
  const int digit = n < 2048 ? 8 : 11, digits = (kBits + digit - 1) / digit;
  const K mask = static_cast<K>((1u << digit) - 1);
  std::fill_n(counts, static_cast<Index>(digits) << digit, 0);
  const auto value = [&](const E& e, int d) { return static_cast<Index>(static_cast<K>(key_in(e) >> (d * digit)) & mask); };
  for (Index i = 0; i < n; ++i)
    for (int d = 0; d < digits; ++d) ++counts[(static_cast<Index>(d) << digit) + value(from[i], d)];
  for (int d = 0; d < digits; ++d) {
    std::int32_t *const count = counts + (static_cast<Index>(d) << digit), begin = 0;
    if (count[value(from[0], d)] == n) continue;
    for (Index v = 0; v <= static_cast<Index>(mask); ++v) begin += std::exchange(count[v], begin);
    for (Index i = 0; i < n; ++i) to[count[value(from[i], d)]++] = from[i];
    std::swap(from, to);
  }
  return from;
}
template <class T, class E>
const E* sort_entries(E* from, E* to, std::int32_t* counts, Index n) {
  if (n > Keys<T>::kShort) return sort_by_digits<T>(from, to, counts, n);
  std::sort(from, from + n, [](const E& a, const E& b) { return comes_before(a, b); });
  return from;
}

/// Column j by its keys alone.
template <class T>
void sort_column(const Call& call, const Keys<T>& keys, Index j) {
  using K = KeyOf<T>;
  const Index n = call.dims[0], c = call.dims[1];
  const T* const x = call.vector<const T>(0) + j;
  T* const y = call.vector<T>(1) + j;
  const Order order{call.attrs[0] != 0, call.attrs[1] != 0};
  auto *const first = reinterpret_cast<K*>(keys.first), *const second = reinterpret_cast<K*>(keys.second);
  for (Index i = 0; i < n; ++i) first[i] = order.key(x[i * c]);
  const K* const sorted = sort_entries<T>(first, second, keys.counts, n);
  for (Index i = 0; i < n; ++i) y[i * c] = order.value<T>(sorted[i]);
}

/// Calls put(i, at): element i of the order of column j is the one at `at`. -0 and 0 are one.
template <class T, class F>
void order_column(const Call& call, const Keys<T>& keys, Index j, F&& put) {
  const Index n = call.dims[0], c = call.dims[1];
  const T* const x = call.vector<const T>(0) + j;
  const Order order{call.attrs[0] != 0, call.attrs[1] != 0};
  for (Index i = 0; i < n; ++i) keys.first[i] = {order.key(static_cast<T>(x[i * c] + T{0})), static_cast<std::int32_t>(i)};
  const auto* const sorted = sort_entries<T>(keys.first, keys.second, keys.counts, n);
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
  [[maybe_unused]] const T* const x = call.vector<const T>(0);
  [[maybe_unused]] T* const y = call.vector<T>(1);
  for (Index j = 0; j < c; ++j) {
    if constexpr (std::is_arithmetic_v<T>)
      sort_column<T>(call, work, j);
    else
      order_column(call, work, j, [&](Index i, Index at) { y[i * c + j] = x[at * c + j]; });
  }
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
