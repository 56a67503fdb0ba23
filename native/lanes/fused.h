// The register machine of fused loops: what its code looks like. A tile of up to 8 elements of a loop, one vector each, is held in
// registers while instruction after instruction is applied to it; only what the loop reads and writes is in memory. exec/fuse.h says which
// instructions of a program become such code, families/fused.cc runs it.
#pragma once
#include "../base/view.h"

namespace backsolve {

/// Memory of one element per step of the loop.
struct FusedOperand {
  char* at;    // of the tile's first element
  Index step;  // bytes from one element of a tile to the next
  Index move;  // the same from one tile to the next, per element: 0 of what stays where it is
};

/// `run` has a type that only the instruction set knows. Bytes `a_at` behind operand `a`, and so on.
struct FusedIns {
  void (*run)();
  std::uint16_t a, b;
  std::int32_t a_at, b_at;
};

/// What a binary map is applied to: A is the tile.
enum class FusedForm : int { tile_memory, memory_tile, memory_memory, tile_tile, count };
constexpr int kFusedForms = static_cast<int>(FusedForm::count);
constexpr int kFusedTiles = 4;       // of 1, 2, 4 and 8 elements
constexpr int kFusedMaps = 128;      // at least Map::count
constexpr int kFusedReductions = 3;  // Reduce::count
constexpr int kFusedOperands = 64;   // of a loop, at most

/// Code for one dtype and one length of tiles. Null: there is none.
struct FusedTable {
  using Run = void (*)();
  Run map[kFusedMaps][kFusedForms];  // of one operand: of the tile, in any form, b says which; of three: the tile, then memory
  Run add_product, sub_product;      // A = A + [a] [b], A - [a] [b], two roundings
  Run load, store;                   // A = [a]; [a] = A
  Run load_mask, store_mask;         // of bools
  Run load_word, store_word;         // of int32 (kernels/words.h)
  Run word[kFusedMaps][kFusedForms];
  /// A function of complex numbers, b says which; a_at instructions follow that only have places: of the parts of each argument, a and b,
  /// and a of the result, whose real part is A, too, and whose imaginary part goes to the tile behind.
  Run call;
  Run accumulate[kFusedReductions];            // [a] = [a] + A, of elements that were not there before
  Run accumulate_all[kFusedReductions];        // to the one element [a], a tree of them
  Run accumulate_below, accumulate_all_below;  // a sum, without the diagonal
  Run reset[kFusedReductions];                 // [a] is as it was before anything was accumulated to it
  Run integer;                                 // A = a_at
  Run end;
  /// The code, tile after tile, over `count` elements of a loop, at least one tile; the last tile may begin before the one before ends.
  /// `half`: the last is on the diagonal, and there may be less than a tile of them, though not in memory.
  void (*row)(const FusedIns* code, FusedOperand* operands, int n, Index count, bool half);
  // Of one item, where an element of a tile is W of the loop, side by side, and `row` goes over less than a tile, too:
  void (*flat_row)(const FusedIns* code, FusedOperand* operands, int n, Index count, bool half);
  Run gather, scatter, gather_mask, scatter_mask, gather_word, scatter_word;  // of what is `move` bytes apart
  Run splat;                                                                  // the tile [b] = the number [a]
  Run load_pair, store_pair;                                                  // part b of complex numbers side by side
  Run flat_accumulate[kFusedReductions];                                      // to the tile [a]
  Run flat_accumulate_below, accumulate_numbers_below;
  Run accumulate_numbers[kFusedReductions];  // to what is `move` bytes apart
  Run flat_fold[kFusedReductions];           // all of the tile [a] into the number [b]; [a] is reset
  /// The code, once.
  void (*once)(const FusedIns* code, FusedOperand* operands);
};

}  // namespace backsolve
