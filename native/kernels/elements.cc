// Kernels that are loops over elements. Their code is that of their family (families/) and lanes/kernels/{map,reduce,random}.cc.
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
    {"updateStrided", family::update_strided, "TTT"},
    {"band", family::band},
    {"concat", family::join, kMaxOperands - 1},
    {"randomUnitFloat32", "Is", Draw::Kind::unit},
    {"randomUnitFloat64", "Id", Draw::Kind::unit},
    {"randomUnitComplex64", "Ic", Draw::Kind::unit},
    {"randomUnitComplex128", "Iz", Draw::Kind::unit},
    {"randomUniformFloat32", "Is", Draw::Kind::uniform},
    {"randomUniformFloat64", "Id", Draw::Kind::uniform},
    {"randomUniformComplex64", "Ic", Draw::Kind::uniform},
    {"randomUniformComplex128", "Iz", Draw::Kind::uniform},
    {"randomNormalFloat32", "Is", Draw::Kind::normal},
    {"randomNormalFloat64", "Id", Draw::Kind::normal},
    {"randomNormalComplex64", "Ic", Draw::Kind::normal},
    {"randomNormalComplex128", "Iz", Draw::Kind::normal},
    {"randomSplit", "II", Draw::Kind::split},
};

}  // namespace

BS_LIST(elements, kList)

}  // namespace backsolve
