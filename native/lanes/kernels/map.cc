// Elementwise maps over whole arrays and over lanes.
#include "../fill.h"
#include "functors.h"
#include "map_kernel.h"

namespace backsolve::BS_ISA {
namespace {

struct Table {
  LanesTable& table;

  template <class F, class Out, class... In>
  void put(Map m, DType column) {
    table.map_flat[static_cast<int>(m)][static_cast<int>(column)] = &MapLoop<F, Out, In...>::flat;
    table.map_lanes[static_cast<int>(m)][static_cast<int>(column)] = &MapLoop<F, Out, In...>::lanes;
  }
};

}  // namespace

void fill_map(LanesTable& table) { Maps<Table>{{table}}.all(); }

}  // namespace backsolve::BS_ISA
