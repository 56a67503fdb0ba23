// The table of the register machine's instructions.
#include "../fill.h"
#include "fused_machine.h"
#include "words.h"

namespace backsolve::BS_ISA {
namespace {

template <class R, int T>
struct Code {
  FusedTable& table;
  using M = Machine<R, T>;

  template <class F>
  static FusedTable::Run code(F* f) {
    return reinterpret_cast<FusedTable::Run>(f);
  }
  template <class E>
  static constexpr bool fits = sizeof(typename E::Real) == sizeof(R) && !E::is_complex;
  template <class E>
  static constexpr bool complex = sizeof(typename E::Real) == sizeof(R) && E::is_complex;

  template <class F, class Out, class... In>
  void put(Map m, DType) {
    if constexpr (fits<Out> && (fits<In> && ...)) {
      if constexpr (requires { F::is_called; } && sizeof...(In) == 1) {
        M::functions[static_cast<int>(m)] = F::template real<R>;
        for (auto& to : table.map[static_cast<int>(m)]) to = code(M::called);
      } else {
        set<F, In...>(table.map[static_cast<int>(m)]);
      }
    } else if constexpr (complex<Out> && (complex<In> && ...)) {
      M::of_parts[static_cast<int>(m)] = OfParts<R, F, In...>::run;
    }
  }
  template <class F, class In>
  void set(FusedTable::Run* to) {
    for (int i = 0; i < kFusedForms; ++i) to[i] = code(M::template unary<F, In>);
  }
  template <class F, class, class>
  void set(FusedTable::Run* to) {
    to[static_cast<int>(FusedForm::tile_memory)] = code(M::template tile_memory<F>);
    to[static_cast<int>(FusedForm::memory_tile)] = code(M::template memory_tile<F>);
    to[static_cast<int>(FusedForm::memory_memory)] = code(M::template memory_memory<F>);
    to[static_cast<int>(FusedForm::tile_tile)] = code(M::template tile_tile<F>);
  }
  template <class F, class, class, class>
  void set(FusedTable::Run* to) {
    for (int i = 0; i < kFusedForms; ++i) to[i] = code(M::template ternary<F>);
  }
  template <class F, int inputs>
  void word(Map m) {
    if constexpr (inputs == 1)
      set<F, Re<R>>(table.word[static_cast<int>(m)]);
    else
      set<F, Re<R>, Re<R>>(table.word[static_cast<int>(m)]);
  }
  template <class Op>
  void reduction(Reduce r) {
    table.accumulate[static_cast<int>(r)] = code(M::template accumulate<Op, &State::end>);
    table.accumulate_all[static_cast<int>(r)] = code(M::template accumulate_all<Op, &State::end>);
    table.reset[static_cast<int>(r)] = code(M::template reset<Op>);
    table.flat_accumulate[static_cast<int>(r)] = code(M::template flat_accumulate<Op, &State::end>);
    table.accumulate_numbers[static_cast<int>(r)] = code(M::template accumulate_numbers<Op, &State::end>);
    table.flat_fold[static_cast<int>(r)] = code(M::template flat_fold<Op>);
  }
};

template <class R, int T>
void fill(FusedTable& table) {
  static_assert(static_cast<int>(Map::count) <= kFusedMaps && static_cast<int>(Reduce::count) == kFusedReductions);
  using M = Machine<R, T>;
  using C = Code<R, T>;
  Maps<C> maps{{table}};
  maps.all();
  word_maps(maps.to);
  maps.to.template reduction<Sum>(Reduce::sum);
  maps.to.template reduction<Max>(Reduce::max);
  maps.to.template reduction<Min>(Reduce::min);
  table.accumulate_below = C::code(M::template accumulate<Sum, &State::below>);
  table.accumulate_all_below = C::code(M::template accumulate_all<Sum, &State::below>);
  table.flat_accumulate_below = C::code(M::template flat_accumulate<Sum, &State::below>);
  table.accumulate_numbers_below = C::code(M::template accumulate_numbers<Sum, &State::below>);
  table.load = C::code(M::load_tile);
  table.store = C::code(M::store_tile);
  table.load_mask = C::code(M::load_mask);
  table.store_mask = C::code(M::store_mask);
  table.load_word = C::code(M::load_word);
  table.store_word = C::code(M::store_word);
  table.gather_word = C::code(M::gather_word);
  table.scatter_word = C::code(M::scatter_word);
  table.call = C::code(M::call);
  table.add_product = C::code(M::template product<Add>);
  table.sub_product = C::code(M::template product<Sub>);
  table.integer = C::code(M::integer);
  table.load_pair = C::code(M::load_pair);
  table.store_pair = C::code(M::store_pair);
  table.end = C::code(M::end);
  table.gather = C::code(M::gather);
  table.scatter = C::code(M::scatter);
  table.gather_mask = C::code(M::gather_mask);
  table.scatter_mask = C::code(M::scatter_mask);
  table.splat = C::code(M::splat_tile);
  table.row = M::row;
  table.flat_row = M::flat_row;
  table.once = M::once;
}
template <class R>
void fill_tiles(FusedTable (&by_tile)[kFusedTiles]) {
  fill<R, 1>(by_tile[0]);
  fill<R, 2>(by_tile[1]);
  fill<R, 4>(by_tile[2]);
  fill<R, 8>(by_tile[3]);
}

}  // namespace

void fill_fused(LanesTable& table) {
  fill_tiles<float>(table.fused[static_cast<int>(DType::f32)]);
  fill_tiles<double>(table.fused[static_cast<int>(DType::f64)]);
}

}  // namespace backsolve::BS_ISA
