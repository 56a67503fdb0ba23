// The table of native kernels. Every file of kernels ends in its own list of these (list.h); all that is known of a kernel stands there.
#pragma once
#include <initializer_list>
#include <span>
#include <stdexcept>

#include "../sets.h"
#include "kernel.h"
#include "random.h"
#include "signature.h"

namespace backsolve {

struct Family;
namespace family {
extern const Family matrix, map, reduce, random;
}

/// dtype of an operand: given the kernel's column T, or one, floating ones by LAPACK's letters. Real of int32 and bool: these themselves.
enum class Port : char { same = 'T', real = 'R', complex = 'C', boolean = 'B', int32 = 'I', f32 = 's', f64 = 'd', c64 = 'c', c128 = 'z' };
DType port_dtype(Port p, DType column);

/// Lanes pay for matrices up to this size at most: beyond it a single matrix keeps the registers full by itself.
constexpr Index kMaxLanesSize = 128;

/// The code for one matrix, by dtype, and its workspace.
struct Single {
  SingleKernel run[kDTypes];
  Workspace workspace[kDTypes];
  ManyKernel many[kDTypes] = {};                      // null: none
  bool (*takes_many)(const double* attrs) = nullptr;  // which calls these are for; null: all
};

/// Of code for lanes.
struct Limits {
  Index wide = kMaxLanesSize, narrow = kMaxLanesSize;  // up to which size lanes pay: in registers of 64 bytes, in shorter ones
  bool declines = false;                               // whether it may leave lanes to the single kernel
  bool area = false;                                   // of m x n matrices: the size is the root of m n, otherwise the larger of the two
  double rate = 0;     // of the single kernel, operations per nanosecond; 0: it grows with the size, as LAPACK's do
  Index many = 0;      // as `wide`, where that is less, of so many items that there are groups for many threads
  double factors = 0;  // operations before right-hand sides, the last size, come: times m^3, or m n^2
  double each = 6;     // of a kernel that takes many items in a call: nanoseconds for one, beside its work
  double before = 0;   // right-hand sides that take as long as what the single kernel does before the first
};

struct Kernel {
  const char* name = nullptr;  // the row's name, "_vjp" for its fused rule: "solveTriangular_vjp"
  const Family* family = nullptr;
  int inputs = 0, outputs = 0;
  bool variadic = false;              // any number of inputs from 1 to `inputs`, alike
  char ports[kMaxOperands + 1] = {};  // a Port per operand, inputs then outputs: "TTT", "BTTT"
  unsigned nullable = 0;              // bit i: operand i may be absent
  double flops = 0;  // estimate: per element, or of a matrix: times n^3, m^2 k, m k n or m n (k + m^n) by letters; 0: as it moves

  // family matrix:
  Text text;
  Signature signatures[Text::kForms] = {};  // by Text::form
  const char* attr_max = "";  // the largest value of each attribute, one digit per attribute; the smallest is 0. 'r': any number
  int attrs = 0;
  Single single{};
  Lanes lanes = kNoLanes;  // none: the executor adapts `single`
  Limits limits{};
  // family map, family reduce:
  Map map = Map::count;
  Reduce reduce = Reduce::count;
  // family random:
  Draw::Kind draw = Draw::Kind::none;

  constexpr Kernel(const char* n, const Text& declared, const char* largest, double cost, const Single& code, Lanes in_lanes = kNoLanes,
                   const Limits& of_lanes = {})
      : name(n), family(&family::matrix), flops(cost), text(declared), attr_max(largest), single(code), lanes(in_lanes), limits(of_lanes) {
    for (int i = 0; i < declared.forms; ++i) parse(i);
    while (attr_max[attrs] != 0) ++attrs;
  }
  constexpr Kernel(const char* n, const char* of_operands, Map which, double cost)
      : name(n), family(&family::map), flops(cost), map(which) {
    port_list(of_operands);
  }
  constexpr Kernel(const char* n, Reduce which) : name(n), family(&family::reduce), flops(1), reduce(which) { port_list("TT"); }
  constexpr Kernel(const char* n, const char* of_operands, Draw::Kind which) : name(n), family(&family::random), flops(10), draw(which) {
    port_list(of_operands);
  }
  /// That moves elements.
  constexpr Kernel(const char* n, const Family& of, const char* of_operands = "TT") : name(n), family(&of) { port_list(of_operands); }
  /// That moves elements of as many inputs as a call has, all of T.
  constexpr Kernel(const char* n, const Family& of, int most) : name(n), family(&of), inputs(most), outputs(1), variadic(true) {
    for (int i = 0; i <= most; ++i) ports[i] = static_cast<char>(Port::same);
  }

  /// How many of a call's operands are inputs, or -1 where there cannot be so many.
  int inputs_of(std::size_t operands) const {
    const auto n = static_cast<Index>(operands) - outputs;
    return n <= inputs && n >= (variadic ? 1 : inputs) ? static_cast<int>(n) : -1;
  }
  const Signature& signature(const double* of_attrs) const { return signatures[text.form == nullptr ? 0 : text.form(of_attrs)]; }

 private:
  constexpr void port_list(const char* of_operands) {
    for (; of_operands[inputs + 1] != 0; ++inputs) ports[inputs] = of_operands[inputs];
    ports[inputs] = of_operands[inputs];
    outputs = 1;
  }
  constexpr void parse(int form);
};

/// One of the texts; all have the same operands, and one numbering of letters. What cannot be read is an error where the list is compiled.
constexpr void Kernel::parse(int form) {
  Letters letters = form == 0 ? Letters{} : signatures[0].names;
  Signature& s = signatures[form];
  bool output = false;
  int nulls = 0;
  for (const char* t = text.text[form]; *t != 0; ++t) {
    if (*t == ' ') continue;
    if (*t == '-' && t[1] == '>') {
      inputs = s.operands;
      output = true;
      ++t;
      continue;
    }
    if (s.operands == kMaxOperands) throw std::logic_error("too many operands");
    if (*t != 'T' && *t != 'R' && *t != 'C' && *t != 'B' && *t != 'I') throw std::logic_error("a port is one of T R C B I");
    if (form > 0 && ports[s.operands] != *t) throw std::logic_error("forms of one kernel have the same ports");
    ports[s.operands] = *t++;
    if (*t == '?') {
      nulls |= 1 << s.operands;
      ++t;
    }
    t = s.read_dims(t, letters);
    ++s.operands;
  }
  if (!output) throw std::logic_error("no outputs");
  if (form > 0 && (outputs != s.operands - inputs || nullable != static_cast<unsigned>(nulls)))
    throw std::logic_error("forms of one kernel have the same operands");
  outputs = s.operands - inputs;
  nullable = static_cast<unsigned>(nulls);
  s.names = letters;
}

/// All kernels; the id that crosses the boundary is the position.
std::span<const Kernel> kernels();

/// Up to which size this kernel by itself, packing and unpacking included, is faster in lanes of `isa`; measured per kernel. -1: it has
/// none.
Index lanes_limit(const Kernel& kernel, const LanesTable& isa, Index items);

}  // namespace backsolve
