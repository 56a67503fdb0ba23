// Instructions of the register machine, as the code for them is written down.
#pragma once
#include <iterator>
#include <vector>

#include "../lanes/lanes.h"

namespace backsolve {

constexpr int kWords = kFusedMaps;

/// An instruction of the machine before the length of tiles is known.
struct Symbol {
  enum What {
    load,
    store,
    load_mask,
    store_mask,
    gather,
    scatter,
    gather_mask,
    scatter_mask,
    load_word,
    store_word,
    gather_word,
    scatter_word,
    call,
    place,
    load_pair,
    store_pair,
    splat,
    integer,
    add_product,
    sub_product,
    accumulate_below,
    accumulate_all_below,
    flat_accumulate_below,
    accumulate_numbers_below,
    map,  // this and those that follow: of one Map or Reduce
    accumulate,
    accumulate_all,
    reset,
    flat_accumulate,
    accumulate_numbers,
    flat_fold
  } what;
  int which = 0;  // Map, of integers kWords more, or Reduce
  FusedForm form = FusedForm::tile_memory;
  int a = 0, b = 0;
  Index a_at = 0, b_at = 0;

  FusedIns code(const FusedTable& table) const {
    using T = FusedTable;
    constexpr T::Run T::* kPlain[] = {&T::load,
                                      &T::store,
                                      &T::load_mask,
                                      &T::store_mask,
                                      &T::gather,
                                      &T::scatter,
                                      &T::gather_mask,
                                      &T::scatter_mask,
                                      &T::load_word,
                                      &T::store_word,
                                      &T::gather_word,
                                      &T::scatter_word,
                                      &T::call,
                                      nullptr,  // place
                                      &T::load_pair,
                                      &T::store_pair,
                                      &T::splat,
                                      &T::integer,
                                      &T::add_product,
                                      &T::sub_product,
                                      &T::accumulate_below,
                                      &T::accumulate_all_below,
                                      &T::flat_accumulate_below,
                                      &T::accumulate_numbers_below};
    static_assert(std::size(kPlain) == map);
    constexpr T::Run(T::* kReductions[])[kFusedReductions] = {&T::accumulate,      &T::accumulate_all,     &T::reset,
                                                              &T::flat_accumulate, &T::accumulate_numbers, &T::flat_fold};
    const auto run = what == place ? nullptr
                     : what < map  ? table.*kPlain[what]
                     : what == map ? (which < kWords ? table.map[which] : table.word[which - kWords])[static_cast<int>(form)]
                                   : (table.*kReductions[what - accumulate])[which];
    return {run, static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b), static_cast<std::int32_t>(a_at),
            static_cast<std::int32_t>(b_at)};
  }
};

inline std::vector<FusedIns> assemble(const std::vector<Symbol>& symbols, const FusedTable& table) {
  std::vector<FusedIns> code;
  if (symbols.empty()) return code;
  code.reserve(symbols.size() + 1);
  for (const Symbol& s : symbols) code.push_back(s.code(table));
  code.push_back({table.end, 0, 0, 0, 0});
  return code;
}

}  // namespace backsolve
