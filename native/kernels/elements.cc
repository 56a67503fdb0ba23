// Kernels that are loops over elements. Their code is that of their family (families/) and lanes/kernels/{map,reduce}.cc.
#include "../families/families.h"
#include "list.h"

namespace backsolve {
namespace {

constexpr Kernel kList[] = {
#define BS_MAP(e, name, ports, cost) {name, ports, Map::e, cost},
#include "../lanes/maps.def"
    {"sum", Reduce::sum},
    {"max", Reduce::max},
    {"min", Reduce::min},
    {"readStrided", family::read_strided},
    {"writeStrided", family::write_strided},
    {"band", family::band},
    {"concat", family::join, kMaxOperands - 1},
};

}  // namespace

BS_LIST(elements, kList)

}  // namespace backsolve
