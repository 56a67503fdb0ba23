// Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), uniform numbers in
// any interval, and normal ones by Box and Muller. The same bits on every instruction set: integers and the correctly rounded + - * / sqrt
// in a fixed order; a product is `rounded` before it is added to, so that no compiler contracts the two, and no library function is
// called. tools/goldens/random_numbers.py says the same in Python.
#include "../../kernels/random.h"

#include "../fill.h"
#include "../vector/bits.h"

namespace backsolve::BS_ISA {
namespace {

using V = Vec<double>;
constexpr int kLanes = W<double>, kWords = 2 * kLanes;
typedef uint32_t Words __attribute__((vector_size(BS_VECTOR_BYTES)));
// As many as a vector has doubles.
typedef int32_t Half __attribute__((vector_size(BS_VECTOR_BYTES / 2)));
typedef uint32_t HalfWords __attribute__((vector_size(BS_VECTOR_BYTES / 2)));
typedef float HalfFloats __attribute__((vector_size(BS_VECTOR_BYTES / 2)));

template <class T>
struct alignas(BS_VECTOR_BYTES) Block {
  T at[kDrawBlock];
};

BS_INLINE V times(V a, V b) { return rounded<double>(a * b); }
BS_INLINE V times(V a, double b) { return rounded<double>(a * b); }

template <int R>
BS_INLINE void round(Words& x, Words& y) {
  x += y;
  y = ((y << R) | (y >> (32 - R))) ^ x;
}
template <int A, int B, int C, int D>
BS_INLINE void four_rounds(Words& x, Words& y, uint32_t add_x, uint32_t add_y) {
  round<A>(x, y);
  round<B>(x, y);
  round<C>(x, y);
  round<D>(x, y);
  x += add_x;
  y += add_y;
}

/// The words of counters first, first + step, ...: n of them, of the same upper half.
void threefry(const uint32_t* key, uint64_t first, uint32_t step, Index n, uint32_t* high, uint32_t* low) {
  const uint32_t k0 = key[0], k1 = key[1], k2 = k0 ^ k1 ^ 0x1bd11bda;
  Words counter{};
  for (int i = 0; i < kWords; ++i) counter[i] = static_cast<uint32_t>(first) + step * static_cast<uint32_t>(i) + k1;
  for (Index i = 0; i < n; i += kWords) {
    Words x = Words{} + (static_cast<uint32_t>(first >> 32) + k0), y = counter;
    four_rounds<13, 15, 26, 6>(x, y, k1, k2 + 1);
    four_rounds<17, 29, 16, 24>(x, y, k2, k0 + 2);
    four_rounds<13, 15, 26, 6>(x, y, k0, k1 + 3);
    four_rounds<17, 29, 16, 24>(x, y, k1, k2 + 4);
    four_rounds<13, 15, 26, 6>(x, y, k2, k0 + 5);
    *reinterpret_cast<Words*>(high + i) = x;
    *reinterpret_cast<Words*>(low + i) = y;
    counter += step * kWords;
  }
}

/// Words without their last bits, as doubles.
BS_INLINE V converted(const uint32_t* words, int shift) {
  return __builtin_convertvector(reinterpret_cast<Half>(*reinterpret_cast<const HalfWords*>(words) >> shift), V);
}

constexpr double kBelowOne = 1 - 0x1p-53, kBelowOneSingle = 1 - 0x1p-24;

/// (m + 1/2) / 2^53 of 53 random bits m, rounded to nearest, and at most `most`. Never 0. Only the sum with 1/2 rounds.
void units(const Draw& draw, uint64_t first, uint32_t step, Index n, double most, double* out) {
  Block<uint32_t> high, low;
  threefry(draw.key, first, step, n, high.at, low.at);
  const V last = splat<double>(most);
  for (Index i = 0; i < n; i += kLanes) {
    const V u = times(times(converted(high.at + i, 5), 0x1p26) + converted(low.at + i, 6) + 0.5, 0x1p-53);
    store<double>(out + i, select<double>(u > last, last, u));
  }
}

/// log x for x in (0, 1): x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), s = f / (2 + f), log(1 + f) = 2 artanh s
/// = f - (f²/2 - s (f²/2 + R)), R = 2/3 s² + 2/5 s⁴ + ... as a minimax polynomial in s² (error 2^-59 of log(1 + f)). log 2 in two parts,
/// the first of 40 bits, so that its product with k is exact.
BS_INLINE V log_below_one(V x) {
  constexpr uint64_t kRoot = 0x3fe6a09e667f3bcd, kMantissa = Ieee<double>::unit - 1;  // sqrt(1/2)
  const Bits<double> shifted = bits_of<double>(x) + (0x3ff0000000000000 - kRoot);
  // k, through the bits of 2^52 + k + 1023
  const V k = from_bits<double>((shifted >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  const V f = from_bits<double>((shifted & kMantissa) + kRoot) - 1;
  const V s = f / (f + 2), z = times(s, s), half = times(times(f, f), 0.5);
  V r = times(z, 0x1.2f056395f5a67p-3);
  r = times(z, r + 0x1.39a1bab2e7e3cp-3);
  r = times(z, r + 0x1.74663ee8bc916p-3);
  r = times(z, r + 0x1.c71c52095abb5p-3);
  r = times(z, r + 0x1.24924941f1295p-2);
  r = times(z, r + 0x1.999999997fdb7p-2);
  r = times(z, r + 0x1.5555555555592p-1);
  const V rest = times(s, half + r) + times(k, -0x1.8432a1b0e2634p-43);
  return times(k, 0x1.62e42fefa4p-1) - ((half - rest) - f);
}

/// sin and cos of 2 pi u for u in (0, 1) to one unit in the last place: u = q/4 + r exactly, |r| <= 1/8, and minimax polynomials in
/// t = r² (errors 2^-58 and 2^-64). The largest terms, 2 pi r and -2 pi² r², are split into an exact product and a small rest.
BS_INLINE void sincos_turns(V u, V& sine, V& cosine) {
  constexpr double kInteger = 0x1.8p52,
                   kTop = 0x1.8p28;  // adding them rounds: to an integer, then in its last bits; to a multiple of 2^-24
  const V shifted = times(u, 4.0) + kInteger;
  const V r = u - times(shifted - kInteger, 0.25), t = times(r, r);
  const V r1 = (r + kTop) - kTop, r2 = r - r1;
  V s = times(t, 0x1.e403d09a290aap+1);
  s = times(t, s - 0x1.e300a65a6d906p+3);
  s = times(t, s + 0x1.5078301b629d1p+5);
  s = times(t, s - 0x1.32d2cce3332e2p+6);
  s = times(t, s + 0x1.466bc67758d85p+6);
  s = times(t, s - 0x1.4abbce625be47p+5);
  s = times(r1, 0x1.921fb544p+2) + (times(r2, 0x1.921fb544p+2) + times(r, s + 0x1.0b4611a626331p-32));
  V c = times(t, -0x1.b2a256e461db4p+0);
  c = times(t, c + 0x1.f9cd21743bdf8p+2);
  c = times(t, c - 0x1.a6d1edbcb8179p+4);
  c = times(t, c + 0x1.e1f506852a291p+5);
  c = times(t, c - 0x1.55d3c7e3ca708p+6);
  c = times(t, c + 0x1.03c1f081b5abcp+6);
  c = times(times(r1, r1), -0x1.3cp+4) + (times(times(r2, r + r1), -0x1.3cp+4) + times(t, c + 0x1.619b20dd10d2ep-7)) + 1;
  // Quarter q turns (c, s) into (c, s), (-s, c), (-c, -s), (s, -c).
  const Bits<double> q = bits_of<double>(shifted);
  const Mask<double> odd = (q & 1) != 0;
  sine = from_bits<double>(bits_of<double>(select<double>(odd, c, s)) ^ ((q & 2) << 62));
  cosine = from_bits<double>(bits_of<double>(select<double>(odd, s, c)) ^ (((q + 1) & 2) << 62));
}

/// Numbers 2j and 2j + 1 from u = unit(2j) and v = unit(2j + 1): sqrt(-2 variance log u) times cos and sin of 2 pi v.
void normals(const Draw& draw, uint64_t first, Index n, double* out) {
  const Index pairs = (n + 1) / 2;
  Block<double> u, v;
  units(draw, first, 2, pairs, kBelowOne, u.at);
  units(draw, first + 1, 2, pairs, kBelowOne, v.at);
  const double scale = -2 * draw.variance;  // a power of two
  for (Index i = 0; i < pairs; i += kLanes) {
    V sine, cosine;
    sincos_turns(load<double>(v.at + i), sine, cosine);
    const V radius = vsqrt<double>(times(log_below_one(load<double>(u.at + i)), scale));
    store<double>(u.at + i, times(radius, cosine));
    store<double>(v.at + i, times(radius, sine));
  }
  for (Index i = 0; i < pairs; ++i) {
    out[2 * i] = u.at[i];
    out[2 * i + 1] = v.at[i];
  }
}

BS_INLINE void two_sum(V a, V b, V& sum, V& error) {
  sum = a + b;
  const V part = sum - a;
  error = (a - (sum - part)) + (b - part);
}

/// The number below a finite one.
BS_INLINE V below(V x) {
  const Mask<double> positive = x > 0;
  const Bits<double> bits = bits_of<double>(select<double>(x == 0, -V{}, x));
  return from_bits<double>(positive ? bits - 1 : bits + 1);
}
BS_INLINE HalfFloats below(HalfFloats x) {
  const Half bits = reinterpret_cast<Half>(x), zero = bits & 0;
  return reinterpret_cast<HalfFloats>(x > 0 ? bits - 1 : (x == 0 ? zero + INT32_MIN : bits) + 1);
}

/// low + (high - low) u rounded down: in [low, high) whatever the interval, each number as often as its share of it. What is rounded away
/// before, 2^-104 of high - low, is less than the distance of u from 0 and 1.
BS_INLINE V scaled(const Draw& draw, V u) {
  const V wide = splat<double>(draw.wide);
  const Bits<double> top = Bits<double>{} - (uint64_t{1} << 27);
  // Dekker's product (Numer. Math. 18, 1971): p + error = wide u
  const V u1 = from_bits<double>(bits_of<double>(u) & top), u2 = u - u1;
  const V w1 = from_bits<double>(bits_of<double>(wide) & top), w2 = wide - w1;
  const V p = times(wide, u);
  V error = times(w2, u2) + ((times(w1, u1) - p) + times(w1, u2) + times(w2, u1));
  error += times(u, draw.rest);
  V sum, more, y;
  two_sum(splat<double>(draw.start), p, sum, more);
  two_sum(sum, more + error, y, more);
  return select<double>(more < 0, below(y), y);
}

/// Back from units of draw.unit, rounded down where subnormal numbers round.
BS_INLINE V unscaled(const Draw& draw, V x) {
  const V y = times(x, draw.unit);
  return select<double>(times(y, 1 / draw.unit) > x, below(y), y);
}

template <class R>
void uniforms(const Draw& draw, uint64_t first, Index n, double* out) {
  units(draw, first, 1, n, kBelowOne, out);
  for (Index i = 0; i < n; i += kLanes) {
    V y = unscaled(draw, scaled(draw, load<double>(out + i)));
    if constexpr (sizeof(R) == 4) {
      const HalfFloats near = __builtin_convertvector(y, HalfFloats);
      const V down = __builtin_convertvector(below(near), V), same = __builtin_convertvector(near, V);
      y = select<double>(same > y, down, same);
    }
    store<double>(out + i, y);
  }
}

template <class R>
void fill(const Draw& draw, void* out, Index step, Index first, Index count) {
  const uint64_t counter = static_cast<uint64_t>(first);
  R* to = static_cast<R*>(out);
  Block<double> block;
  for (Index done = 0; done < count; done += kDrawBlock) {
    const Index n = count - done < kDrawBlock ? count - done : kDrawBlock;
    if (draw.kind == Draw::Kind::normal)
      normals(draw, counter + static_cast<uint64_t>(done), n, block.at);
    else if (draw.kind == Draw::Kind::uniform)
      uniforms<R>(draw, counter + static_cast<uint64_t>(done), n, block.at);
    else
      units(draw, counter + static_cast<uint64_t>(done), 1, n, sizeof(R) == 4 ? kBelowOneSingle : kBelowOne, block.at);
    if (step == 1)
      for (Index i = 0; i < n; ++i) to[done + i] = static_cast<R>(block.at[i]);
    else
      for (Index i = 0; i < n; ++i) to[(done + i) * step] = static_cast<R>(block.at[i]);
  }
}

/// Key i is the words of counter i in a range that no other draw comes to.
void split(const Draw& draw, void* out, Index step, Index first, Index count) {
  constexpr uint64_t kRange = uint64_t{0x73706c74} << 32;
  uint32_t* to = static_cast<uint32_t*>(out);
  Block<uint32_t> high, low;
  for (Index done = 0; done < count; done += kDrawBlock) {
    const Index n = count - done < kDrawBlock ? count - done : kDrawBlock;
    threefry(draw.key, kRange + static_cast<uint64_t>(first + done) / 2, 1, n / 2, high.at, low.at);
    for (Index i = 0; i < n; ++i) to[(done + i) * step] = (i % 2 == 0 ? high : low).at[i / 2];
  }
}

}  // namespace

void fill_random(LanesTable& table) {
  table.random[0] = &fill<float>;
  table.random[1] = &fill<double>;
  table.random[2] = &split;
}

}  // namespace backsolve::BS_ISA
