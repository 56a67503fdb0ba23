// The table of native kernels: one line per kernel in table.cc, everything else is derived from it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "kernel.h"
#include "lanes/lanes.h"

namespace backsolve {

enum class Family { matrix, map, reduce, view, scatter, band };

/// dtype of an operand, given the kernel's column T.
enum class Port : char { same = 'T', real = 'R', complex = 'C', boolean = 'B', int32 = 'I' };

struct Kernel {
  const char* name;    // the row's name, "_vjp" for its fused rule: "solveTriangular_vjp"
  Family family;
  int inputs, outputs;
  const char* ports;   // one letter per operand, inputs then outputs: "TTT", "BTTT"
  // matrix:
  const char* (*signature)(const double* attrs);  // "(m,m),(m,k)->(m,k)"
  int attrs;                                      // how many numbers; map, matrix. View families have their own, see docs/native-boundary.md
  unsigned nullable;                              // bit i: operand i may be absent
  SingleKernel single[kFloatTypes];
  ScratchSize scratch;
  LanesKernel (LanesTable::*lanes)[kFloatTypes];  // null: no lanes kernel; the executor adapts `single`
  ScratchSize lanes_scratch;
  // map, reduce:
  int which;                                      // Map or Reduce enumerator
};

/// All kernels; the id that crosses the boundary is the position.
std::span<const Kernel> kernels();

DType port_dtype(Port p, DType column);

/// The tables of this processor, richest last; isa() is the chosen one (BACKSOLVE_ISA forces it, else the richest).
const LanesTable& isa();
std::span<const LanesTable* const> isas();
/// Chooses by name; false if this processor or build lacks it.
bool choose_isa(std::string_view name);

/// Where a signature's letters bind. parse("(m,m),(m,k)->(m,k)"): letters "mk"; dims[0] = {0,0}, ...
struct Signature {
  int letters = 0, operands = 0;
  int rank[kMaxOperands] = {};
  std::int8_t letter[kMaxOperands][4] = {};
};
Signature parse_signature(const char* text);

}  // namespace backsolve
