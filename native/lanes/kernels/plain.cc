// Maps of int32 and bool, and casts: plain loops, which compilers turn into vectors. An element is `width` values side by side: one, or one
// of each lane; of complex numbers as many real parts and then imaginary ones.
#include "../fill.h"
#include "../lanes.h"
#include "../vector/indices.h"

namespace backsolve::BS_ISA {
namespace {

template <class S>
struct Value {
  using type = S;
  template <int width>
  BS_INLINE static S load(const void* p, Index i, int w) {
    return static_cast<const S*>(p)[i * width + w];
  }
  template <int width>
  BS_INLINE static void store(void* p, Index i, int w, S x) {
    static_cast<S*>(p)[i * width + w] = x;
  }
};
using Int = Value<std::int32_t>;

struct Bit {
  using type = bool;
  template <int width>
  BS_INLINE static bool load(const void* p, Index i, int w) {
    return static_cast<const std::uint8_t*>(p)[i * width + w] != 0;
  }
  template <int width>
  BS_INLINE static void store(void* p, Index i, int w, bool x) {
    static_cast<std::uint8_t*>(p)[i * width + w] = x ? 1 : 0;
  }
};

template <class R>
struct Parts {
  R re, im;
};
template <class R>
struct Pair {
  using type = Parts<R>;
  template <int width>
  BS_INLINE static Parts<R> load(const void* p, Index i, int w) {
    const R* const q = static_cast<const R*>(p) + 2 * i * width + w;
    return {q[0], q[width]};
  }
  template <int width>
  BS_INLINE static void store(void* p, Index i, int w, Parts<R> z) {
    R* const q = static_cast<R*>(p) + 2 * i * width + w;
    q[0] = z.re;
    q[width] = z.im;
  }
};

// ---- Integers: overflow wraps, as in NumPy, by arithmetic of unsigned numbers ----

BS_INLINE std::int32_t wrapped(std::uint32_t x) { return static_cast<std::int32_t>(x); }
BS_INLINE std::uint32_t bits(std::int32_t x) { return static_cast<std::uint32_t>(x); }

#define BS_MAP_OF(Name, parameters, value) \
  struct Name {                            \
    template <class S>                     \
    BS_INLINE static auto of parameters {  \
      return value;                        \
    }                                      \
  };
BS_MAP_OF(Add, (S a, S b), wrapped(bits(a) + bits(b)))
BS_MAP_OF(Sub, (S a, S b), wrapped(bits(a) - bits(b)))
BS_MAP_OF(Mul, (S a, S b), wrapped(bits(a) * bits(b)))
BS_MAP_OF(Neg, (S a), wrapped(0u - bits(a)))
BS_MAP_OF(Square, (S a), wrapped(bits(a) * bits(a)))
BS_MAP_OF(Abs, (S a), wrapped(a < 0 ? 0u - bits(a) : bits(a)))
BS_MAP_OF(Sign, (S a), static_cast<S>((a > 0) - (a < 0)))
BS_MAP_OF(Maximum, (S a, S b), a > b ? a : b)
BS_MAP_OF(Minimum, (S a, S b), a < b ? a : b)
BS_MAP_OF(Greater, (S a, S b), a > b)
BS_MAP_OF(GreaterEqual, (S a, S b), a >= b)
BS_MAP_OF(Less, (S a, S b), a < b)
BS_MAP_OF(LessEqual, (S a, S b), a <= b)
BS_MAP_OF(Equal, (S a, S b), a == b)
BS_MAP_OF(NotEqual, (S a, S b), a != b)
BS_MAP_OF(Where, (bool m, S a, S b), m ? a : b)

/// With the sign of b, as floor division has it; of 0 it is 0.
template <class S>
BS_INLINE S modulus(S a, S b) {
  if (b == 0 || b == -1) return 0;
  const S r = static_cast<S>(a % b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<S>(r + b) : r;
}
BS_MAP_OF(Same, (S a), a)
BS_MAP_OF(Mod, (S a, S b), modulus(a, b))
BS_MAP_OF(Never, (S), false)
BS_MAP_OF(Always, (S), true)
BS_MAP_OF(LogicalAnd, (S a, S b), a != 0 && b != 0)
BS_MAP_OF(LogicalOr, (S a, S b), a != 0 || b != 0)
BS_MAP_OF(LogicalXor, (S a, S b), (a != 0) != (b != 0))
BS_MAP_OF(LogicalNot, (S a), a == 0)

// ---- Casts: to float32 to nearest; of complex numbers the real part; what is not zero is true, NaN too ----

template <class To>
struct Cast {
  template <class From>
  BS_INLINE static To of(From x) {
    return static_cast<To>(x);
  }
  template <class R>
  BS_INLINE static To of(Parts<R> z) {
    return static_cast<To>(z.re);
  }
};
template <>
struct Cast<bool> {
  template <class From>
  BS_INLINE static bool of(From x) {
    return x != 0;
  }
  template <class R>
  BS_INLINE static bool of(Parts<R> z) {
    return z.re != 0 || z.im != 0;
  }
};
template <class R>
struct Cast<Parts<R>> {
  template <class From>
  BS_INLINE static Parts<R> of(From x) {
    return {static_cast<R>(x), 0};
  }
  template <class From>
  BS_INLINE static Parts<R> of(Parts<From> z) {
    return {static_cast<R>(z.re), static_cast<R>(z.im)};
  }
};

template <class F, class Out, class... In>
struct Loop {
  template <int width, bool dense, int... I>
  BS_INLINE static void run(void* out, const void* const* in, Index n, const Index* stride, Seq<I...>) {
    const void* const p[] = {in[I]...};
    for (Index i = 0; i < n; ++i) {
      for (int w = 0; w < width; ++w)
        Out::template store<width>(out, dense ? i : i * stride[0], w,
                                   F::of(In::template load<width>(p[I], dense ? i : i * stride[I + 1], w)...));
    }
  }
  template <int width>
  static void each(void* out, const void* const* in, Index n, const Index* stride) {
    constexpr int arity = sizeof...(In);
    bool dense = true;
    for (int k = 0; k <= arity; ++k) dense = dense && stride[k] == 1;
    if (dense)
      run<width, true>(out, in, n, stride, UpTo<arity>{});
    else
      run<width, false>(out, in, n, stride, UpTo<arity>{});
  }
};

template <class F, class Out, class... In>
void put(LanesTable& t, Map map, DType column) {
  using L = Loop<F, Out, In...>;
  const int m = static_cast<int>(map), c = static_cast<int>(column);
  t.map_flat[m][c] = &L::template each<1>;
  const bool wide = column == DType::f64 || column == DType::c128, narrow = column == DType::f32 || column == DType::c64;
  if (!wide) t.map_lanes[m][lane_column(column, false)] = &L::template each<W<float>>;
  if (!narrow) t.map_lanes[m][lane_column(column, true)] = &L::template each<W<double>>;
}

template <class Out>
void put_cast(LanesTable& t, Map map) {
  using F = Cast<typename Out::type>;
  put<F, Out, Value<float>>(t, map, DType::f32);
  put<F, Out, Value<double>>(t, map, DType::f64);
  put<F, Out, Pair<float>>(t, map, DType::c64);
  put<F, Out, Pair<double>>(t, map, DType::c128);
  put<F, Out, Bit>(t, map, DType::b8);
  put<F, Out, Int>(t, map, DType::i32);
}

template <class In>
void put_truth(LanesTable& t, DType column) {
  put<Never, Bit, In>(t, Map::is_nan, column);
  put<Always, Bit, In>(t, Map::is_finite, column);
  put<Never, Bit, In>(t, Map::is_inf, column);
  put<LogicalAnd, Bit, In, In>(t, Map::logical_and, column);
  put<LogicalOr, Bit, In, In>(t, Map::logical_or, column);
  put<LogicalXor, Bit, In, In>(t, Map::logical_xor, column);
  put<LogicalNot, Bit, In>(t, Map::logical_not, column);
}

}  // namespace

void fill_plain(LanesTable& t) {
  const auto binary = [&]<class F>(F, Map map) { put<F, Int, Int, Int>(t, map, DType::i32); };
  const auto unary = [&]<class F>(F, Map map) { put<F, Int, Int>(t, map, DType::i32); };
  const auto compare = [&]<class F>(F, Map map) { put<F, Bit, Int, Int>(t, map, DType::i32); };
  binary(Add{}, Map::add);
  binary(Sub{}, Map::sub);
  binary(Mul{}, Map::mul);
  binary(Maximum{}, Map::maximum);
  binary(Minimum{}, Map::minimum);
  unary(Neg{}, Map::neg);
  unary(Square{}, Map::square);
  unary(Abs{}, Map::abs);
  unary(Sign{}, Map::sign);
  compare(Greater{}, Map::greater);
  compare(GreaterEqual{}, Map::greater_equal);
  compare(Less{}, Map::less);
  compare(LessEqual{}, Map::less_equal);
  compare(Equal{}, Map::equal);
  compare(NotEqual{}, Map::not_equal);
  put<Equal, Bit, Bit, Bit>(t, Map::equal, DType::b8);
  put<NotEqual, Bit, Bit, Bit>(t, Map::not_equal, DType::b8);
  put<Where, Int, Bit, Int, Int>(t, Map::where, DType::i32);
  put<Where, Bit, Bit, Bit, Bit>(t, Map::where, DType::b8);
  unary(Same{}, Map::floor);
  unary(Same{}, Map::ceil);
  unary(Same{}, Map::round);
  unary(Same{}, Map::trunc);
  binary(Mod{}, Map::mod);
  put_truth<Int>(t, DType::i32);
  put_truth<Bit>(t, DType::b8);
  put_cast<Value<float>>(t, Map::cast_float32);
  put_cast<Value<double>>(t, Map::cast_float64);
  put_cast<Pair<float>>(t, Map::cast_complex64);
  put_cast<Pair<double>>(t, Map::cast_complex128);
  put_cast<Bit>(t, Map::cast_bool);
}

}  // namespace backsolve::BS_ISA
