// What each family of kernels checks, does to whole tensors, and does in a plan.
#pragma once
#include <algorithm>
#include <cmath>

#include "../exec/plan.h"

namespace backsolve {

constexpr double kMaxStride = static_cast<double>(kMaxElements);
inline bool integer_within(double x, double low, double high) { return x >= low && x <= high && std::floor(x) == x; }  // false for NaN
inline bool same_dims(const Shape& a, const Shape& b) { return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims); }

const char* check_matrix(const Kernel& kernel, std::span<const double> attrs, const Shape* operands);
const char* check_map(const Kernel& kernel, const Shape* operands);
const char* check_reduce(const Kernel& kernel, std::span<const double> axes, const Shape& in, const Shape& out);
const char* check_strides(std::span<const double> attrs, const Shape& walked, const Shape& indexed);

Outcome run_matrix(const Eager& e, const Kernel& k);
bool run_whole_map(const Eager& e, const Kernel& k);
bool run_whole_reduce(const Eager& e, const Kernel& k);
bool run_whole_move(const Eager& e, const Kernel& k);
bool run_whole_band(const Eager& e);

}  // namespace backsolve
