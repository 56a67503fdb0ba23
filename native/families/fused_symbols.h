// Instructions of the register machine, as the code for them is written down.
#pragma once
#include <vector>

#include "../lanes/lanes.h"

namespace backsolve {

/// An instruction of the machine before the length of tiles is known.
struct Symbol {
  enum What {
    load,
    store,
    load_mask,
    store_mask,
    map,
    accumulate,
    fold,
    reset,
    gather,
    scatter,
    gather_mask,
    scatter_mask,
    splat,
    flat_accumulate,
    accumulate_numbers,
    flat_fold,
    accumulate_below,
    flat_accumulate_below,
    accumulate_numbers_below
  } what;
  int which = 0;  // Map or Reduce
  FusedForm form = FusedForm::tile_memory;
  int a = 0, b = 0;
  Index a_at = 0, b_at = 0;

  FusedIns code(const FusedTable& table) const {
    const auto run = [&]() -> FusedTable::Run {
      switch (what) {
        case load:
          return table.load;
        case store:
          return table.store;
        case load_mask:
          return table.load_mask;
        case store_mask:
          return table.store_mask;
        case map:
          return table.map[which][static_cast<int>(form)];
        case accumulate:
          return table.accumulate[which];
        case fold:
          return table.fold[which];
        case reset:
          return table.reset[which];
        case gather:
          return table.gather;
        case scatter:
          return table.scatter;
        case gather_mask:
          return table.gather_mask;
        case scatter_mask:
          return table.scatter_mask;
        case splat:
          return table.splat;
        case flat_accumulate:
          return table.flat_accumulate[which];
        case accumulate_numbers:
          return table.accumulate_numbers[which];
        case flat_fold:
          return table.flat_fold[which];
        case accumulate_below:
          return table.accumulate_below;
        case flat_accumulate_below:
          return table.flat_accumulate_below;
        default:
          return table.accumulate_numbers_below;
      }
    };
    return {run(), static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b), static_cast<std::int32_t>(a_at),
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
