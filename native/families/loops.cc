#include "loops.h"

#include <algorithm>

namespace backsolve {

Index Loops::rows() const {
  Index n = 1;
  for (int d = 0; d + 1 < rank; ++d) n *= data[d];
  return n;
}
Index Loops::count() const { return rows() * inner(); }

void broadcast_strides(const Index* dims, int rank, const Index* to, int to_rank, Index* stride) {
  Index step = 1;
  for (int d = to_rank - 1, i = rank - 1; d >= 0; --d, --i) {
    stride[d] = i >= 0 && dims[i] != 1 ? step : 0;
    if (i >= 0) step *= dims[i];
    if (to[d] == 1) stride[d] = 0;
  }
}

Nest coalesce(const Axes& axes, int operands, bool keep_first) {
  Axes merged;
  int rank = 0;
  for (int d = 0; d < axes.rank; ++d) {
    const bool first = keep_first && d == 0;
    if (axes.extent[d] == 1 && !first) continue;
    bool joins = rank > 0;
    for (int o = 0; joins && o < operands; ++o) joins = merged.stride[o][rank - 1] == axes.extent[d] * axes.stride[o][d];
    const int to = joins ? rank - 1 : rank++;
    merged.extent[to] = joins ? merged.extent[to] * axes.extent[d] : axes.extent[d];
    for (int o = 0; o < operands; ++o) merged.stride[o][to] = axes.stride[o][d];
  }
  if (rank == 0) {
    rank = 1;
    merged.extent[0] = 1;
    for (int o = 0; o < operands; ++o) merged.stride[o][0] = 1;
  }
  Nest nest;
  nest.rank = rank;
  nest.size = (1 + operands) * rank;
  std::copy_n(merged.extent, rank, nest.data);
  for (int o = 0; o < operands; ++o) std::copy_n(merged.stride[o], rank, nest.data + (1 + o) * rank);
  return nest;
}

}  // namespace backsolve
