// Functions of one number that give the same bits everywhere: IEEE's + - * / sqrt in a fixed order, each product `rounded` before it is
// added to, so that no compiler contracts the two. What lanes/kernels/random.cc has for vectors, here for the draws that take as many
// numbers as they need. tools/goldens/random_distributions.py says the same in Python.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace backsolve::exact {

/// x, hidden from the optimiser.
inline double rounded(double x) {
#if defined(__x86_64__)
  __asm__("" : "+x"(x));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x));
#else
  __asm__("" : "+m"(x));
#endif
  return x;
}
inline double times(double a, double b) { return rounded(a * b); }

/// log x of a positive normal number: random.cc's log_below_one.
inline double log(double x) {
  constexpr std::uint64_t kRoot = 0x3fe6a09e667f3bcd, kMantissa = (std::uint64_t{1} << 52) - 1;  // sqrt(1/2)
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(x) + (0x3ff0000000000000 - kRoot);
  const double k = static_cast<double>(static_cast<int>(shifted >> 52) - 1023);
  const double f = std::bit_cast<double>((shifted & kMantissa) + kRoot) - 1;
  const double s = f / (f + 2), z = times(s, s), half = times(times(f, f), 0.5);
  constexpr double kSeries[] = {0x1.2f056395f5a67p-3, 0x1.39a1bab2e7e3cp-3, 0x1.74663ee8bc916p-3, 0x1.c71c52095abb5p-3,
                                0x1.24924941f1295p-2, 0x1.999999997fdb7p-2, 0x1.5555555555592p-1};
  double r = 0;
  for (const double c : kSeries) r = times(z, r + c);
  const double rest = times(s, half + r) + times(k, -0x1.8432a1b0e2634p-43);
  return times(k, 0x1.62e42fefa4p-1) - ((half - rest) - f);
}

/// e^x for x <= 700, 0 far left: x = k log 2 + r, |r| <= log 2 / 2, and the series of e^r to r^14.
inline double exp(double x) {
  if (x < -800) return 0;
  const double k = (times(x, 0x1.71547652b82fep+0) + 0x1.8p52) - 0x1.8p52;
  const double r = (x - times(k, 0x1.62e42fefa4p-1)) - times(k, -0x1.8432a1b0e2634p-43);
  double y = 1, n = 14;
  for (; n > 0; n -= 1) y = 1 + times(r, y) / n;
  const auto power = [](int n) { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); };
  const int exponent = static_cast<int>(k), half = exponent / 2;
  return y * power(half) * power(exponent - half);
}

/// Threefry-2x32 with 20 rounds: the words of a counter.
inline void threefry(const std::uint32_t* key, std::uint64_t counter, std::uint32_t* words) {
  constexpr int kRotations[] = {13, 15, 26, 6, 17, 29, 16, 24};
  const std::uint32_t keys[] = {key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda};
  std::uint32_t x = static_cast<std::uint32_t>(counter >> 32) + keys[0], y = static_cast<std::uint32_t>(counter) + keys[1];
  for (int n = 0; n < 20; ++n) {
    x += y;
    y = std::rotl(y, kRotations[n % 8]) ^ x;
    if (n % 4 != 3) continue;
    const auto s = static_cast<std::uint32_t>(n + 1) / 4;
    x += keys[s % 3];
    y += keys[(s + 1) % 3] + s;
  }
  words[0] = x;
  words[1] = y;
}

/// Uniform numbers of one element of a draw, as many as it takes. Of the key that a range of counters, `name`, gives, which no other draw
/// comes to, number j of element i is that of counter 2^40 j + i: docs/native-boundary.md.
class Substream {
 public:
  Substream(const std::uint32_t* key, std::uint32_t name) { threefry(key, std::uint64_t{name} << 32, key_); }
  void start(std::int64_t element) { element_ = static_cast<std::uint64_t>(element); }
  /// (m + 1/2) / 2^53 of 53 random bits m, below 1.
  double unit(std::uint64_t j) const {
    std::uint32_t w[2];
    threefry(key_, (j << 40) + element_, w);
    const double u = times(times(w[0] >> 5, 0x1p26) + (w[1] >> 6) + 0.5, 0x1p-53);
    return u < 1 ? u : 1 - 0x1p-53;
  }

 private:
  std::uint32_t key_[2];
  std::uint64_t element_ = 0;
};

}  // namespace backsolve::exact
