#include "views.h"

namespace backsolve {

std::vector<Index> row_major(const std::vector<Index>& dims) {
  std::vector<Index> stride(dims.size());
  Index step = 1;
  for (std::size_t d = dims.size(); d-- > 0;) {
    stride[d] = step;
    step *= dims[d];
  }
  return stride;
}

std::optional<Access> compose(const Access& inner, const std::vector<Index>& between, const Instruction& view,
                              const std::vector<Index>& dims) {
  const std::vector<Index> row = row_major(between);
  Access a{false, inner.value, inner.offset, std::vector<Index>(dims.size(), 0)};
  std::vector<Index> reach(between.size());
  auto offset = static_cast<Index>(view.attrs[0]);
  for (std::size_t b = 0; b < between.size(); ++b) {
    reach[b] = offset / row[b];
    offset %= row[b];
    a.offset += reach[b] * inner.stride[b];
  }
  for (std::size_t d = 0; d < dims.size(); ++d) {
    auto stride = static_cast<Index>(view.attrs[d + 1]);
    if (dims[d] == 1) continue;
    if (stride < 0) return std::nullopt;
    for (std::size_t b = 0; b < between.size(); ++b) {
      if (between[b] == 1) continue;
      const Index steps = stride / row[b];
      stride %= row[b];
      reach[b] += steps * (dims[d] - 1);
      a.stride[d] += steps * inner.stride[b];
    }
    if (stride != 0) return std::nullopt;
  }
  for (std::size_t b = 0; b < between.size(); ++b)
    if (reach[b] >= between[b]) return std::nullopt;
  return a;
}

}  // namespace backsolve
