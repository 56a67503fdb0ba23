// Complex numbers by their parts, and bools by their bits: the register machine knows real numbers alone, and masks.
#include <algorithm>

#include "fused_nodes.h"

namespace backsolve {

bool Expressions::has(Map map, DType column) {
  switch (map) {
    case Map::add:
    case Map::sub:
    case Map::mul:
    case Map::scale:
    case Map::neg:
    case Map::square:
    case Map::conj:
    case Map::real:
    case Map::imag:
    case Map::is_nan:
    case Map::is_finite:
    case Map::is_inf:
      return is_complex(column);
    case Map::where:
    case Map::equal:
    case Map::not_equal:
      return is_complex(column) || column == DType::b8;
    case Map::complex:
    case Map::to_complex:
      return column == DType::f32 || column == DType::f64;
    case Map::cast_float32:
    case Map::cast_float64:
      return column == DType::b8;
    case Map::cast_complex64:
    case Map::cast_complex128:
      return column == DType::b8 || column == DType::f32 || column == DType::f64;
    case Map::logical_and:
    case Map::logical_or:
    case Map::logical_xor:
    case Map::logical_not:
      return column == DType::b8;
    default:
      return false;
  }
}

bool Expressions::has_parts() const {
  return std::any_of(operands.begin(), operands.end(), [&](const Operand& o) { return is_complex(type(o.value).dtype); });
}

int Expressions::mapped(const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const Instruction& c = program_.code[at(m.instruction)];
  const Map map = kernel_of(c).map;
  if (c.column == DType::b8) return of_bools(map, m, index, part);
  if (is_complex(c.column) || has(map, c.column)) return of_parts(map, m, index, part);
  std::vector<int> args;
  for (std::size_t i = 0; i < c.in.size(); ++i) args.push_back(argument(m, i, index));
  return apply(map, std::move(args));
}

/// (a + ib)(c + id) = (ac - bd) + i(ad + bc), each product rounded, and so on, as the maps themselves compute them.
int Expressions::of_parts(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const auto arg = [&](std::size_t i, int p) { return argument(m, i, index, p); };
  switch (map) {
    case Map::mul:
    case Map::scale:
      if (part == 0) return apply(Map::sub, {apply(map, {arg(0, 0), arg(1, 0)}), apply(map, {arg(0, 1), arg(1, 1)})});
      return apply(Map::add, {apply(map, {arg(0, 0), arg(1, 1)}), apply(map, {arg(0, 1), arg(1, 0)})});
    case Map::square: {  // (x - y)(x + y) + 2i xy
      const int x = arg(0, 0), y = arg(0, 1);
      if (part == 0) return apply(Map::mul, {apply(Map::sub, {x, y}), apply(Map::add, {x, y})});
      const int p = apply(Map::mul, {x, y});
      return apply(Map::add, {p, p});
    }
    case Map::conj:
      return part == 0 ? arg(0, 0) : apply(Map::neg, {arg(0, 1)});
    case Map::real:
      return arg(0, 0);
    case Map::imag:
      return arg(0, 1);
    case Map::complex:
      return arg(static_cast<std::size_t>(part), 0);
    case Map::to_complex:
    case Map::cast_complex64:
    case Map::cast_complex128:
      return part == 0 ? arg(0, 0) : integer(0);
    case Map::where:
      return apply(map, {arg(0, 0), arg(1, part), arg(2, part)});
    case Map::equal:
      return apply(Map::logical_and, {apply(map, {arg(0, 0), arg(1, 0)}), apply(map, {arg(0, 1), arg(1, 1)})});
    case Map::not_equal:
      return apply(Map::logical_or, {apply(map, {arg(0, 0), arg(1, 0)}), apply(map, {arg(0, 1), arg(1, 1)})});
    case Map::is_nan:
    case Map::is_inf:
      return apply(Map::logical_or, {apply(map, {arg(0, 0)}), apply(map, {arg(0, 1)})});
    case Map::is_finite:
      return apply(Map::logical_and, {apply(map, {arg(0, 0)}), apply(map, {arg(0, 1)})});
    case Map::neg:
      return apply(map, {arg(0, part)});
    default:  // add, sub
      return apply(map, {arg(0, part), arg(1, part)});
  }
}

/// A mask, by its bits, is the number 0 or NaN, which is not 0.
int Expressions::of_bools(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const auto arg = [&](std::size_t i) { return argument(m, i, index); };
  switch (map) {
    case Map::equal:
      return apply(Map::logical_not, {apply(Map::logical_xor, {arg(0), arg(1)})});
    case Map::not_equal:
      return apply(Map::logical_xor, {arg(0), arg(1)});
    case Map::logical_not:
      return apply(map, {arg(0)});
    case Map::where:
      return apply(map, {arg(0), arg(1), arg(2)});
    case Map::cast_float32:
    case Map::cast_float64:
    case Map::cast_complex64:
    case Map::cast_complex128:
      return part == 0 ? apply(Map::where, {arg(0), integer(1), integer(0)}) : integer(0);
    default:
      return apply(map, {arg(0), arg(1)});
  }
}

}  // namespace backsolve
