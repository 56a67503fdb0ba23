// Which values are symmetric matrices, whatever the inputs are: their halves are equal, up to the sign of zero. Loops use it
// (families/fused_mirror.h).
#include <cstring>

#include "../families/families.h"
#include "../lanes/words.h"
#include "planner.h"

namespace backsolve {
namespace {

constexpr Index kLargest = 1 << 18;  // elements of a constant that are looked at

bool square(const std::vector<Index>& dims) { return dims.size() >= 2 && dims[dims.size() - 1] == dims[dims.size() - 2]; }

bool equal_halves(const std::byte* data, Index matrices, Index n, std::size_t size) {
  const auto element = [&](Index i) { return data + static_cast<std::size_t>(i) * size; };
  for (Index m = 0; m < matrices; ++m)
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < i; ++j)
        if (std::memcmp(element((m * n + i) * n + j), element((m * n + j) * n + i), size) != 0) return false;
  return true;
}

/// Whether it is the same for all elements of a matrix.
bool alike(const std::vector<Index>& dims) {
  const std::size_t rank = dims.size();
  return (rank < 1 || dims[rank - 1] == 1) && (rank < 2 || dims[rank - 2] == 1);
}

}  // namespace

void Planner::find_symmetric_constants() {
  symmetric_.assign(program_.values.size(), false);
  for (const int v : program_.constants) {
    const Type& t = type(v);
    const Index count = place(v).count;
    if (!square(t.dims) || count == 0 || count > kLargest) continue;
    const Index n = t.dims.back();
    symmetric_[static_cast<std::size_t>(v)] =
        equal_halves(static_cast<const std::byte*>(place(v).absolute), count / (n * n), n, size_of(t.dtype));
  }
}

/// Of real results: those of a cotangent of Cholesky's argument, of elementwise work on symmetric ones, of what repeats one number, and of
/// what is written to a diagonal.
void Planner::note_symmetric(const Instruction& code) {
  if (code.control != nullptr || code.out.size() != 1 || code.out[0] < 0) return;
  const Type& out = type(code.out[0]);
  if (!square(out.dims) || out.dtype == DType::c64 || out.dtype == DType::c128) return;
  const Kernel& k = kernel(code);
  const auto n = static_cast<double>(out.dims.back());
  bool is = false;
  if (k.family == &family::matrix)
    is = k.lanes == Lanes::cholesky_vjp;
  else if (k.family == &family::map)
    is = std::all_of(code.in.begin(), code.in.end(), [&](int v) { return symmetric(v) || alike(type(v).dims); });
  else if (k.family == &family::read_strided)
    is = code.attrs[code.attrs.size() - 1] == 0 && code.attrs[code.attrs.size() - 2] == 0;
  else if (k.family == &family::write_strided)
    is = out.dims.size() == 2 && type(code.in[0]).dims.size() == 1 && code.attrs[0] == 0 && code.attrs[1] == n + 1;
  symmetric_[static_cast<std::size_t>(code.out[0])] = is;
}

}  // namespace backsolve
