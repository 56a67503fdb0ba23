// The table that each instruction set fills: same sources, compiled once per set into a namespace of its own (BS_ISA).
#pragma once
#include "../kernels/kernel.h"
#include "../kernels/random.h"
#include "fused.h"

namespace backsolve {

enum class Map : int {
#define BS_MAP(e, name, ports, cost) e,
#include "maps.def"
  count
};
enum class Reduce : int { sum, max, min, count };  // max, min: real only, NaN propagates

/// Kernels for one matrix that have code for lanes. Who names one includes words.h: a new one leaves all others as they are compiled.
enum class Lanes : int;
constexpr Lanes kNoLanes{-1};

/// Columns of maps in lanes: the dtypes, bool and int32 beside reals of 4 bytes, and these beside reals of 8, as W differs.
constexpr int kLaneColumns = kDTypes + 2;
constexpr int lane_column(DType t, bool wide) { return static_cast<int>(t) + (wide && static_cast<int>(t) >= kFloatTypes ? 2 : 0); }

/// A null pointer means: no such kernel for this dtype.
struct LanesTable {
  const char* name;  // "baseline", "avx2", "avx512", "neon"
  int bytes;         // of one vector register; W = bytes / sizeof(real)

  MapInner map_flat[static_cast<int>(Map::count)][kDTypes];
  MapInner map_lanes[static_cast<int>(Map::count)][kLaneColumns];
  ReduceInner reduce_flat[static_cast<int>(Reduce::count)][kFloatTypes];
  ReduceInner reduce_lanes[static_cast<int>(Reduce::count)][kFloatTypes];
  ReduceRows reduce_rows[static_cast<int>(Reduce::count)][kFloatTypes];
  ReduceColumns reduce_columns[static_cast<int>(Reduce::count)][kFloatTypes];
  FusedTable fused[2][kFusedTiles];  // by f32 and f64, by the logarithm of a tile's length

  /// Interleaves `count` elements of W items into lanes, and back; items[i] points at item i, unpacked ones lie `step` bytes apart. b8
  /// elements are W bytes side by side; `width` = W. unpack writes only the first `used` items.
  void (*pack[6])(void* lanes, const void* const* items, Index count, int width);
  void (*unpack[6])(void* items, Index step, const void* lanes, Index count, int width, int used);

  RandomFill random[3];  // float, double, the words of keys

  struct Code {
    LanesKernel run;
    Workspace workspace;                           // null: none
    GroupsKernel (*small)(const Call&) = nullptr;  // for calls as this one, whose operands only tell whether they are there; or null
  };
  const Code (*kernels)[kFloatTypes];  // by Lanes
};

}  // namespace backsolve
