// Complex numbers by their parts, bools and integers by their bits: the register machine knows real numbers alone, and masks. Functions of
// complex numbers that guard the range of both parts at once are called.
#include <algorithm>

#include "fused_nodes.h"

namespace backsolve {

namespace {

/// Complex results from all parts at once: quotients, roots, functions.
bool is_called(Map map) {
  switch (map) {
    case Map::div:
    case Map::unscale:
    case Map::sqrt:
    case Map::exp:
    case Map::log:
    case Map::log1p:
    case Map::expm1:
    case Map::sin:
    case Map::cos:
    case Map::cosh:
    case Map::sinh:
    case Map::tanh:
    case Map::sign:
      return true;
    default:
      return false;
  }
}

/// Everything that integers have in plain.cc.
bool is_of_words(Map map) {
  switch (map) {
    case Map::add:
    case Map::sub:
    case Map::mul:
    case Map::maximum:
    case Map::minimum:
    case Map::neg:
    case Map::square:
    case Map::abs:
    case Map::sign:
    case Map::greater:
    case Map::greater_equal:
    case Map::less:
    case Map::less_equal:
    case Map::mod:
    case Map::floor:
    case Map::ceil:
    case Map::round:
    case Map::trunc:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Expressions::has(Map map, DType column) {
  const bool word = column == DType::i32;
  if ((is_complex(column) && is_called(map)) || (word && is_of_words(map))) return true;
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
    case Map::abs:
      return is_complex(column);
    case Map::is_nan:
    case Map::is_finite:
    case Map::is_inf:
      return is_complex(column) || word;
    case Map::where:
    case Map::equal:
    case Map::not_equal:
    case Map::logical_and:
    case Map::logical_or:
    case Map::logical_xor:
    case Map::logical_not:
      return is_complex(column) || column == DType::b8 || word;
    case Map::complex:
    case Map::to_complex:
      return column == DType::f32 || column == DType::f64;
    case Map::cast_float32:
    case Map::cast_float64:
    case Map::cast_complex64:
    case Map::cast_complex128:
    case Map::cast_bool:
      return true;
    default:
      return false;
  }
}

bool Expressions::is_real() const {
  return std::none_of(operands.begin(), operands.end(), [&](const Operand& o) { return is_complex(type(o.value).dtype); }) &&
         std::none_of(nodes.begin(), nodes.end(), [](const Node& n) {
           return n.what == Node::call || n.what == Node::word || (n.what == Node::map && n.which >= kWords);
         });
}

int Expressions::mapped(const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const Instruction& c = program_.code[at(m.instruction)];
  const Map map = kernel_of(c).map;
  if (c.column == DType::b8) return of_bools(map, m, index, part);
  if (c.column == DType::i32) return of_words(map, m, index, part);
  if (is_complex(c.column) || has(map, c.column)) return of_parts(map, m, index, part);
  std::vector<int> args;
  for (std::size_t i = 0; i < c.in.size(); ++i) args.push_back(argument(m, i, index));
  return apply(map, std::move(args));
}

/// (a + ib)(c + id) = (ac - bd) + i(ad + bc), each product rounded, and so on, as the maps themselves compute them.
int Expressions::of_parts(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const Instruction& c = program_.code[at(m.instruction)];
  const bool complex = is_complex(c.column);
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
      return part == 0 || complex ? arg(0, part) : integer(0);
    case Map::cast_float32:
    case Map::cast_float64:
      return arg(0, 0);
    case Map::abs:  // which hypot is
      return apply(Map::hypot, {arg(0, 0), arg(0, 1)});
    case Map::where:
      return apply(map, {arg(0, 0), arg(1, part), arg(2, part)});
    case Map::neg:
      return apply(map, {arg(0, part)});
    case Map::add:
    case Map::sub:
      return apply(map, {arg(0, part), arg(1, part)});
    default:
      if (!is_called(map)) return truth_of_parts(map, m, index);
      std::vector<int> args;
      for (std::size_t i = 0; i < c.in.size(); ++i)
        for (const int p : {0, 1}) args.push_back(arg(i, p));
      return call(map, std::move(args), part);
  }
}

/// What is said of both parts.
int Expressions::truth_of_parts(Map map, const FusedLoop::Member& m, const std::vector<Index>& index) {
  const bool complex = is_complex(program_.code[at(m.instruction)].column);
  const auto arg = [&](std::size_t i, int p) { return argument(m, i, index, p); };
  const auto truth = [&](std::size_t i) {
    const int re = this->truth(arg(i, 0));
    return complex ? apply(Map::logical_or, {re, this->truth(arg(i, 1))}) : re;
  };
  switch (map) {
    case Map::equal:
      return apply(Map::logical_and, {apply(map, {arg(0, 0), arg(1, 0)}), apply(map, {arg(0, 1), arg(1, 1)})});
    case Map::not_equal:
      return apply(Map::logical_or, {apply(map, {arg(0, 0), arg(1, 0)}), apply(map, {arg(0, 1), arg(1, 1)})});
    case Map::is_nan:
    case Map::is_inf:
      return apply(Map::logical_or, {apply(map, {arg(0, 0)}), apply(map, {arg(0, 1)})});
    case Map::is_finite:
      return apply(Map::logical_and, {apply(map, {arg(0, 0)}), apply(map, {arg(0, 1)})});
    case Map::cast_bool:
      return truth(0);
    case Map::logical_not:
      return apply(map, {truth(0)});
    default:  // and, or, xor
      return apply(map, {truth(0), truth(1)});
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
    case Map::cast_bool:
      return arg(0);
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

int Expressions::of_words(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const auto arg = [&](std::size_t i) { return argument(m, i, index); };
  const auto truth = [&](std::size_t i) { return of_integers(Map::not_equal, {arg(i), integer(0)}); };  // all bits 0
  switch (map) {
    case Map::square:
      return of_integers(Map::mul, {arg(0), arg(0)});
    case Map::neg:
    case Map::abs:
    case Map::sign:
      return of_integers(map, {arg(0)});
    case Map::floor:
    case Map::ceil:
    case Map::round:
    case Map::trunc:
      return arg(0);
    case Map::where:  // by bits
      return apply(map, {arg(0), arg(1), arg(2)});
    case Map::is_nan:
    case Map::is_inf:
      return integer(0);
    case Map::is_finite:
      return apply(Map::logical_not, {integer(0)});
    case Map::logical_not:
      return apply(map, {truth(0)});
    case Map::logical_and:
    case Map::logical_or:
    case Map::logical_xor:
      return apply(map, {truth(0), truth(1)});
    case Map::cast_bool:
      return truth(0);
    case Map::cast_float32:
    case Map::cast_float64:
    case Map::cast_complex64:
    case Map::cast_complex128:
      return part == 0 ? of_integers(Map::cast_float32, {arg(0)}) : integer(0);
    default:
      return of_integers(map, {arg(0), arg(1)});
  }
}

}  // namespace backsolve
