#include "shape.h"

#include <algorithm>
#include <cmath>

#include "../base/lapack/lapack.h"

namespace backsolve {
namespace {

constexpr double kMaxStride = static_cast<double>(kMaxElements);

bool integer_within(double x, double low, double high) { return x >= low && x <= high && std::floor(x) == x; }  // false for NaN

bool same_dims(const Shape& a, const Shape& b) { return a.rank == b.rank && std::equal(a.dims, a.dims + a.rank, b.dims); }

const char* check_map(const Kernel& kernel, const Shape* operands) {
  const Shape& out = operands[kernel.inputs];
  for (int i = 0; i < kernel.inputs; ++i) {
    const Shape& in = operands[i];
    if (in.rank > out.rank) return "an input has more dimensions than the output";
    for (int d = 0; d < in.rank; ++d) {
      const Index n = in.dims[d];
      if (n != 1 && n != out.dims[out.rank - in.rank + d]) return "an input does not broadcast to the output";
    }
  }
  return nullptr;
}

const char* check_reduce(const Kernel& kernel, std::span<const double> axes, const Shape& in, const Shape& out) {
  bool gone[kMaxRank] = {};
  for (const double a : axes) {
    if (!integer_within(a, 0, in.rank - 1) || gone[static_cast<int>(a)]) return "bad axes";
    gone[static_cast<int>(a)] = true;
  }
  const int kept = in.rank - static_cast<int>(axes.size());
  if (out.rank != kept && out.rank != in.rank) return "output of the wrong rank";
  const bool keeps_rank = out.rank == in.rank;
  Index outputs = 1, combined = 1;
  for (int d = 0, o = 0; d < in.rank; ++d) {
    (gone[d] ? combined : outputs) *= in.dims[d];
    if (gone[d] && !keeps_rank) continue;
    if (out.dims[o++] != (gone[d] ? 1 : in.dims[d])) return "output of the wrong shape";
  }
  if (combined == 0 && outputs > 0 && static_cast<Reduce>(kernel.which) != Reduce::sum) return "max or min of nothing";
  return nullptr;
}

/// `walked` gives the loops, `indexed` is reached through offset and strides.
const char* check_strides(std::span<const double> attrs, const Shape& walked, const Shape& indexed) {
  if (attrs.size() != static_cast<std::size_t>(walked.rank) + 1) return "wrong number of strides";
  for (const double a : attrs) {
    if (!integer_within(a, -kMaxStride, kMaxStride)) return "bad offset or stride";
  }
  if (count_of(walked.dims, walked.rank) == 0) return nullptr;
  Index low = static_cast<Index>(attrs[0]), high = low;
  for (int d = 0; d < walked.rank; ++d) {
    Index reach;
    const auto stride = static_cast<Index>(attrs[static_cast<std::size_t>(d) + 1]);
    if (__builtin_mul_overflow(walked.dims[d] - 1, stride, &reach)) return "stride out of range";
    Index& end = reach < 0 ? low : high;
    if (__builtin_add_overflow(end, reach, &end)) return "stride out of range";
  }
  return low >= 0 && high < count_of(indexed.dims, indexed.rank) ? nullptr : "a stride leads out of the tensor";
}

const char* check_matrix(const Kernel& kernel, std::span<const double> attrs, const Shape* operands) {
  if (attrs.size() != static_cast<std::size_t>(kernel.attrs)) return "wrong number of attributes";
  for (std::size_t i = 0; i < attrs.size(); ++i) {
    if (kernel.attr_max[i] != 'r' && !integer_within(attrs[i], 0, kernel.attr_max[i] - '0')) return "attribute out of range";
  }
  Binding binding;
  return bind(kernel, attrs.data(), operands, binding);
}

const char* check_family(const Kernel& kernel, DType column, std::span<const double> attrs, const Shape* operands) {
  const Shape& in = operands[0];
  const Shape& out = operands[kernel.inputs];
  switch (kernel.family) {
    case Family::matrix:
      return check_matrix(kernel, attrs, operands);
    case Family::map:
      if (!attrs.empty()) return "a map has no attributes";
      if (isa().map_flat[kernel.which][static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
      return check_map(kernel, operands);
    case Family::reduce:
      if (isa().reduce_flat[kernel.which][static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
      return check_reduce(kernel, attrs, in, out);
    case Family::view:
      return check_strides(attrs, out, in);
    case Family::scatter:
      return check_strides(attrs, in, out);
    case Family::band:
      if (attrs.size() != 2 || !integer_within(attrs[0], 0, 1)) return "bad band";
      if (!integer_within(attrs[1], -kMaxStride, kMaxStride)) return "bad band";
      return in.rank >= 2 && same_dims(in, out) ? nullptr : "band wants matrices of one shape";
  }
  return "unknown family";
}

}  // namespace

Index checked_count(const Index* dims, int rank) {
  Index n = 1;
  bool empty = false;
  for (int d = 0; d < rank; ++d) {
    if (dims[d] < 0 || dims[d] > kMaxElements) return -1;
    if (dims[d] == 0) empty = true;
    n *= std::max<Index>(dims[d], 1) > kMaxElements / n ? 0 : std::max<Index>(dims[d], 1);
    if (n == 0) return -1;
  }
  return empty ? 0 : n;
}

Index count_of(const Index* dims, int rank) {
  Index n = 1;
  for (int d = 0; d < rank; ++d) n *= dims[d];
  return n;
}

Index Binding::item_count(int operand) const {
  Index n = 1;
  for (int d = 0; d < signature.rank[operand]; ++d) n *= dims[signature.letter[operand][d]];
  return n;
}

const char* bind(const Kernel& kernel, const double* attrs, const Shape* operands, Binding& binding) {
  binding.signature = parse_signature(kernel.signature(attrs));
  const Signature& s = binding.signature;
  std::fill_n(binding.dims, kMaxDims, Index{-1});
  for (int i = 0; i < s.operands; ++i) {
    const Shape& shape = operands[i];
    if (!shape.present) continue;
    const int lead = shape.rank - s.rank[i];
    if (lead < 0) return "an operand has too few dimensions";
    for (int d = 0; d < s.rank[i]; ++d) {
      Index& bound = binding.dims[s.letter[i][d]];
      const Index n = shape.dims[lead + d];
      if (!la::fits(n)) return "a matrix is too large for LAPACK";
      if (bound >= 0 && bound != n) return "sizes of matrices disagree";
      bound = n;
    }
    if (i < kernel.inputs) binding.outer_rank = std::max(binding.outer_rank, lead);
  }
  for (int l = 0; l < s.letters; ++l) {
    if (s.meet[l][0] == s.meet[l][1]) continue;
    const Index a = binding.dims[s.meet[l][0]], b = binding.dims[s.meet[l][1]];
    if (a < 0 || b < 0) return "a size is not given by any operand";
    if (binding.dims[l] >= 0 && binding.dims[l] != std::min(a, b)) return "sizes of matrices disagree";
    binding.dims[l] = std::min(a, b);
  }
  if (std::find(binding.dims, binding.dims + s.letters, -1) != binding.dims + s.letters) return "a size is not given by any operand";
  std::fill_n(binding.outer, binding.outer_rank, Index{1});
  for (int i = 0; i < s.operands; ++i) {
    const Shape& shape = operands[i];
    if (!shape.present) continue;
    const int lead = shape.rank - s.rank[i], skip = binding.outer_rank - lead;
    if (i >= kernel.inputs && skip != 0) return "an output has the wrong leading dimensions";
    for (int d = 0; d < lead; ++d) {
      Index& n = binding.outer[skip + d];
      if (i >= kernel.inputs ? shape.dims[d] != n : shape.dims[d] != 1 && n != 1 && shape.dims[d] != n)
        return "leading dimensions disagree";
      if (n == 1) n = shape.dims[d];
    }
  }
  binding.outer_count = checked_count(binding.outer, binding.outer_rank);
  return binding.outer_count < 0 ? "leading dimensions are too large" : nullptr;
}

const char* check_kernel(const Kernel& kernel, DType column, std::span<const double> attrs, const Shape* operands, int count) {
  if (count != kernel.inputs + kernel.outputs) return "wrong number of operands";
  const bool moves = kernel.family == Family::view || kernel.family == Family::scatter || kernel.family == Family::band;
  if (static_cast<int>(column) > static_cast<int>(DType::i32) || (!moves && static_cast<int>(column) >= kFloatTypes)) return "bad dtype";
  if (kernel.family == Family::matrix && kernel.single[static_cast<int>(column)] == nullptr) return "no such kernel for this dtype";
  for (int i = 0; i < count; ++i) {
    const Shape& s = operands[i];
    if (!s.present) {
      if (kernel.family != Family::matrix || (kernel.nullable >> i & 1) == 0) return "an operand is missing";
      continue;
    }
    if (s.rank > kMaxRank || checked_count(s.dims, s.rank) < 0) return "an operand is too large";
    if (s.dtype != port_dtype(static_cast<Port>(kernel.ports[i]), column)) return "an operand has the wrong dtype";
  }
  return check_family(kernel, column, attrs, operands);
}

double matrix_flops(const Kernel& kernel, const Binding& b) {
  const auto size = [&](int letter) { return static_cast<double>(b.dims[letter]); };
  switch (b.signature.letters) {
    case 1:
      return kernel.flops * size(0) * size(0) * size(0);
    case 2:
      return kernel.flops * size(0) * size(0) * size(1);
    case 3:
      return kernel.flops * size(0) * size(1) * size(2);
    default:
      return kernel.flops * size(0) * size(1) * (size(2) + size(3));
  }
}

}  // namespace backsolve
