// The table of native kernels: one line per kernel in table.cc, everything else is derived from it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "../sets.h"
#include "kernel.h"

namespace backsolve {

struct Family;

/// dtype of an operand, given the kernel's column T.
enum class Port : char { same = 'T', real = 'R', complex = 'C', boolean = 'B', int32 = 'I' };

/// Lanes pay for matrices up to this size at most: beyond it a single matrix keeps the registers full by itself.
constexpr Index kMaxLanesSize = 128;
/// Whether this kernel by itself, packing and unpacking included, is faster in lanes of `isa`; measured per kernel.
bool lanes_pay_alone(const struct Kernel& kernel, const LanesTable& isa, Index largest);

struct Kernel {
  const char* name;  // the row's name, "_vjp" for its fused rule: "solveTriangular_vjp"
  const Family* family;
  int inputs, outputs;
  const char* ports;  // one letter per operand, inputs then outputs: "TTT", "BTTT"
  // matrix:
  const char* (*signature)(const double* attrs);  // "(m,m),(m,k)->(m,k)"
  int attrs;          // how many numbers; map, matrix. View families have their own, see docs/native-boundary.md
  unsigned nullable;  // bit i: operand i may be absent
  SingleKernel single[kFloatTypes];
  ScratchSize scratch;
  LanesKernel (LanesTable::*lanes)[kFloatTypes];  // null: no lanes kernel; the executor adapts `single`
  ScratchSize lanes_scratch;
  Index lanes_max[2];    // the largest dimension for which lanes pay: in registers of 64 bytes, in shorter ones
  bool lanes_decline;    // whether the lanes kernel may leave a lane to the single one
  Map map;               // of this family
  Reduce reduce;         // of this one
  const char* attr_max;  // matrix: the largest value of each attribute, one digit per attribute; the smallest is 0. 'r': any number
  double flops;          // estimate: per element (map, reduce), or matrix: times n^3, m^2 k, m k n or m n (k + m^n) by letters
};

/// All kernels; the id that crosses the boundary is the position.
std::span<const Kernel> kernels();

DType port_dtype(Port p, DType column);

}  // namespace backsolve
