// The table of one instruction set.
#include "fill.h"
#include "vector/simd.h"
#include "words.h"

#define BS_JOIN_(a, b) a##b
#define BS_JOIN(a, b) BS_JOIN_(a, b)
#define BS_TEXT_(a) #a
#define BS_TEXT(a) BS_TEXT_(a)

namespace backsolve {
namespace BS_ISA {
#define BS_LANES(name) void fill_##name(LanesTable::Code(&by_dtype)[kFloatTypes]);
#include "kernels.def"

static LanesTable make_table() {
  static LanesTable::Code kernels[static_cast<int>(Lanes::count)][kFloatTypes];
  LanesTable t{};
  t.name = BS_TEXT(BS_ISA);
  t.bytes = BS_VECTOR_BYTES;
  fill_map(t);
  fill_plain(t);
  fill_reduce(t);
  fill_fused(t);
  fill_pack(t);
#define BS_LANES(name) fill_##name(kernels[static_cast<int>(Lanes::name)]);
#include "kernels.def"
  t.kernels = kernels;
  fill_random(t);
  return t;
}
}  // namespace BS_ISA

const LanesTable* BS_JOIN(lanes_table_, BS_ISA)() {
  static const LanesTable table = BS_ISA::make_table();
  return &table;
}

}  // namespace backsolve
