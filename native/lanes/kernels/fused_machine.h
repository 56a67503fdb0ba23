// The instructions of the register machine (lanes/fused.h). Each is a function that gets the tile as arguments, which the calling
// conventions put into vector registers, and ends by jumping to the next one: threaded code, in which the compiler keeps the tile where it
// is (Bell, "Threaded code", CACM 16 (1973)).
#pragma once
#include "fused_tile.h"

namespace backsolve::BS_ISA {
namespace {

template <class R, int T>
struct Machine {
  static void load_tile(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = a[t];
    BS_NEXT(v);
  }
  static void store_tile(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH a.put(t, v[t]);
    BS_NEXT(v);
  }
  static void load_mask(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = as_vector<R>(Bo<R>::load_lanes(a.p + t * a.step));
    BS_NEXT(v);
  }
  static void store_mask(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH Bo<R>::store_lanes(a.p + t * a.step, as_mask<R>(v[t]));
    BS_NEXT(v);
  }
  static void load_word(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = word::load<R>(a.p + t * a.step);
    BS_NEXT(v);
  }
  static void store_word(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH word::store<R>(a.p + t * a.step, v[t]);
    BS_NEXT(v);
  }
  static void integer(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    BS_EACH v[t] = splat<R>(static_cast<R>(ip->a_at));
    BS_NEXT(v);
  }
  static void end(const FusedIns*, State*, BS_TILE) {}

  template <class F, class E>
  static void unary(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    BS_EACH v[t] = as_vector<R>(F::template real<R>(as_element<E, R>(v[t])));
    BS_NEXT(v);
  }
  /// Functions that are called (more_functors.h), by Map: one instruction for all, which says in `b` what it calls.
  inline static Vec<R> (*functions[kFusedMaps])(Vec<R>);
  static void called(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    Vec<R> (*const f)(Vec<R>) = functions[ip->b];
    for (int t = 0; t < T; ++t) v[t] = f(v[t]);
    BS_NEXT(v);
  }
  inline static void (*of_parts[kFusedMaps])(const FusedIns*, const State*, int);
  static void call(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    of_parts[ip->b](ip + 1, s, T);
    ip += ip->a_at;
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = a[t];
    BS_NEXT(v);
  }
  template <class F>
  static void tile_memory(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = as_vector<R>(F::template real<R>(v[t], a[t]));
    BS_NEXT(v);
  }
  template <class F>
  static void memory_tile(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH v[t] = as_vector<R>(F::template real<R>(a[t], v[t]));
    BS_NEXT(v);
  }
  template <class F>
  static void memory_memory(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at), b(s, ip->b, ip->b_at);
    BS_EACH v[t] = as_vector<R>(F::template real<R>(a[t], b[t]));
    BS_NEXT(v);
  }
  template <class F>
  static void tile_tile(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    BS_EACH v[t] = as_vector<R>(F::template real<R>(v[t], v[t]));
    BS_NEXT(v);
  }
  template <class F>
  static void product(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at), b(s, ip->b, ip->b_at);
    BS_EACH v[t] = F::template real<R>(v[t], rounded<R>(a[t] * b[t]));
    BS_NEXT(v);
  }
  template <class F>
  static void ternary(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at), b(s, ip->b, ip->b_at);
    BS_EACH v[t] = F::template real<R>(as_mask<R>(v[t]), a[t], b[t]);
    BS_NEXT(v);
  }

  template <class Op, int State::* last>
  static void accumulate(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    const int end = s->*last;
    if (s->first == 0 && end == T) {
      BS_EACH a.put(t, Op::template combine<R>(a[t], v[t]));
    } else {
      BS_EACH if (t >= s->first && t < end) a.put(t, Op::template combine<R>(a[t], v[t]));
    }
    BS_NEXT(v);
  }
  /// Fewer stores than to accumulate each vector, and only the elements' number over T of additions one after the other.
  template <class Op, int State::* last>
  static void accumulate_all(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    const int end = s->*last;
    Vec<R> w[kTile] = {BS_ALL};
    if (s->first > 0 || end < T) {
      BS_EACH if (t < s->first || t >= end) w[t] = splat<R>(Op::template identity<R>);
    }
    _Pragma("GCC unroll 3") for (int half = T / 2; half > 0; half /= 2) {
      _Pragma("GCC unroll 4") for (int t = 0; t < half; ++t) w[t] = Op::template combine<R>(w[t], w[t + half]);
    }
    a.put(0, Op::template combine<R>(a[0], w[0]));
    BS_NEXT(v);
  }
  // ---- One item: W elements of the loop in a vector ----

  /// Calls f(element, address) for the elements of the tile that are there.
  template <class F>
  BS_INLINE static void numbers(const FusedIns* ip, State* s, F&& f) {
    const FusedOperand& a = s->operand[ip->a];
    char* p = a.at + ip->a_at;
    for (int e = 0; e < s->count; ++e) f(e, p + e * a.move);
  }
  static void gather(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    alignas(64) R buffer[T * W<R>] = {};
    numbers(ip, s, [&](int e, const char* p) { __builtin_memcpy(buffer + e, p, sizeof(R)); });
    BS_EACH v[t] = load<R>(buffer + t * W<R>);
    BS_NEXT(v);
  }
  static void scatter(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    alignas(64) R buffer[T * W<R>];
    BS_EACH store<R>(buffer + t * W<R>, v[t]);
    numbers(ip, s, [&](int e, char* p) { __builtin_memcpy(p, buffer + e, sizeof(R)); });
    BS_NEXT(v);
  }
  static void load_pair(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH {
      const Cx<R> z = Co<R>::load_flat(a.p + t * a.step);
      v[t] = ip->b == 0 ? z.re : z.im;
    }
    BS_NEXT(v);
  }
  static void store_pair(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH {
      Cx<R> z = Co<R>::load_flat(a.p + t * a.step);
      (ip->b == 0 ? z.re : z.im) = v[t];
      Co<R>::store_flat(a.p + t * a.step, z);
    }
    BS_NEXT(v);
  }
  static void gather_mask(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    char buffer[T * W<R>] = {};
    numbers(ip, s, [&](int e, const char* p) { buffer[e] = *p; });
    BS_EACH v[t] = as_vector<R>(Bo<R>::load_flat(buffer + t * W<R>));
    BS_NEXT(v);
  }
  static void scatter_mask(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    char buffer[T * W<R>];
    BS_EACH Bo<R>::store_flat(buffer + t * W<R>, as_mask<R>(v[t]));
    numbers(ip, s, [&](int e, char* p) { *p = buffer[e]; });
    BS_NEXT(v);
  }
  static void gather_word(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    int32_t buffer[T * W<R>] = {};
    numbers(ip, s, [&](int e, const char* p) { __builtin_memcpy(buffer + e, p, 4); });
    BS_EACH v[t] = word::load<R>(reinterpret_cast<const char*>(buffer + t * W<R>));
    BS_NEXT(v);
  }
  static void scatter_word(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    int32_t buffer[T * W<R>];
    BS_EACH word::store<R>(reinterpret_cast<char*>(buffer + t * W<R>), v[t]);
    numbers(ip, s, [&](int e, char* p) { __builtin_memcpy(p, buffer + e, 4); });
    BS_NEXT(v);
  }
  static void splat_tile(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    R x;
    __builtin_memcpy(&x, s->operand[ip->a].at + ip->a_at, sizeof(R));
    const At<R> b(s, ip->b, ip->b_at);
    BS_EACH b.put(t, splat<R>(x));
    BS_NEXT(v);
  }
  template <class Op, int State::* last>
  static void flat_accumulate(const FusedIns* ip, State* s, BS_TILE) {
    Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    const int end = s->*last;
    if (s->first > 0 || end < T * W<R>) {
      alignas(64) R buffer[T * W<R>];
      BS_EACH store<R>(buffer + t * W<R>, v[t]);
      for (int e = 0; e < T * W<R>; ++e)
        if (e < s->first || e >= end) buffer[e] = Op::template identity<R>;
      BS_EACH a.put(t, Op::template combine<R>(a[t], load<R>(buffer + t * W<R>)));
    } else {
      BS_EACH a.put(t, Op::template combine<R>(a[t], v[t]));
    }
    BS_NEXT(v);
  }
  template <class Op, int State::* last>
  static void accumulate_numbers(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    alignas(64) R buffer[T * W<R>];
    BS_EACH store<R>(buffer + t * W<R>, v[t]);
    numbers(ip, s, [&](int e, char* p) {
      if (e < s->first || e >= s->*last) return;
      R x;
      __builtin_memcpy(&x, p, sizeof(R));
      x = Op::template combine<R>(splat<R>(x), splat<R>(buffer[e]))[0];
      __builtin_memcpy(p, &x, sizeof(R));
    });
    BS_NEXT(v);
  }
  template <class Op>
  static void flat_fold(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    Vec<R> all = a[0];
    for (int t = 1; t < T; ++t) all = Op::template combine<R>(all, a[t]);
    BS_EACH a.put(t, splat<R>(Op::template identity<R>));
    all = across<Op, R, 1>(all);
    char* const p = s->operand[ip->b].at + ip->b_at;
    R x;
    __builtin_memcpy(&x, p, sizeof(R));
    x = Op::template combine<R>(splat<R>(x), all)[0];
    __builtin_memcpy(p, &x, sizeof(R));
    BS_NEXT(v);
  }

  template <class Op>
  static void reset(const FusedIns* ip, State* s, BS_TILE) {
    const Vec<R> v[kTile] = {BS_ALL};
    const At<R> a(s, ip->a, ip->a_at);
    BS_EACH a.put(t, splat<R>(Op::template identity<R>));
    BS_NEXT(v);
  }

  BS_INLINE static void start(const FusedIns* code, State* s) {
    const Vec<R> z{};
    reinterpret_cast<Function<R>>(code->run)(code, s, z, z, z, z, z, z, z, z);
  }
  static void once(const FusedIns* code, FusedOperand* operands) {
    State s{operands, 0, T * W<R>, T * W<R>, T * W<R>};
    start(code, &s);
  }
  /// An element of a tile is `unit` of the loop.
  template <int unit>
  BS_INLINE static void tiles(const FusedIns* code, FusedOperand* operands, int n, Index count, bool half) {
    constexpr int all = T * unit;
    State s{operands, 0, all, all, all};
    if (count < all) {
      s.end = static_cast<int>(count);
      s.below = s.end - 1;
      if (!half) s.count = s.end;
      return start(code, &s);
    }
    Index i = 0;
    for (; i + all <= count; i += all) {
      s.below = all - (half && i + all == count);
      start(code, &s);
      for (int o = 0; o < n; ++o) operands[o].at += all * operands[o].move;
    }
    if (i == count) return;
    s.first = static_cast<int>(i + all - count);
    s.below = all - half;
    for (int o = 0; o < n; ++o) operands[o].at -= s.first * operands[o].move;
    start(code, &s);
  }
  static void row(const FusedIns* code, FusedOperand* operands, int n, Index count, bool half) { tiles<1>(code, operands, n, count, half); }
  static void flat_row(const FusedIns* code, FusedOperand* operands, int n, Index count, bool half) {
    tiles<W<R>>(code, operands, n, count, half);
  }
};

}  // namespace
}  // namespace backsolve::BS_ISA
