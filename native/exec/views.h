// Values that are read through strides.
#pragma once
#include <optional>

#include "program.h"

namespace backsolve {

std::vector<Index> row_major(const std::vector<Index>& dims);

/// How a value is read: element (i_0, i_1, ...) is element offset + sum of i_d stride_d of `value`.
struct Access {
  bool inside = false;  // computed in the same round: the value itself, whatever views there are between
  int value = -1;
  Index offset = 0;
  std::vector<Index> stride = {};
};

/// A view, of `dims`, of a view: its indices move through the row-major elements of `between`, which are those of `inner`. None: not by
/// strides.
std::optional<Access> compose(const Access& inner, const std::vector<Index>& between, const Instruction& view,
                              const std::vector<Index>& dims);

}  // namespace backsolve
