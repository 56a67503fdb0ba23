// What a kernel reports for one matrix: 0, or a kind and LAPACK's index packed into one int32.
#pragma once
#include <cstdint>

namespace backsolve {

enum class Fail : std::int32_t {
  none = 0,
  not_positive_definite = 1,
  singular = 2,
  not_finite = 3,
  no_convergence = 4,
  rank_deficient = 5,
  out_of_memory = 6,
  degenerate = 7,          // eigenvalues too close for what was asked; index: the first of the pair
  phase = 8,               // a loss that depends on the phase of eigenvector `index`
  not_definite = 9,        // an eigenvalue outside the domain of a function; index: which
  negative = 10,           // a parameter that must not be negative
  bad_pivot = 11,          // pivot `index` is out of range
  too_large = 12,          // a workspace does not fit LAPACK's 32-bit integers
  degenerate_values = 13,  // as degenerate, of eigenvalues without their vectors
  overflow = 14,           // the answer, or eigenvalue `index` where that is not 0, is beyond the largest number
  declined = 15,           // by a lanes kernel alone: the single kernel is to compute this lane
  cut = 16                 // singular value `index` lies at the cut of rcond, where the truncated solution jumps
};
constexpr std::int32_t kFailKinds = 32;

/// info = index * kFailKinds + kind; index is 1-based as in LAPACK (the order of the leading minor, the column of the pivot), 0 if none.
constexpr std::int32_t make_info(Fail kind, std::int64_t index = 0) {
  return static_cast<std::int32_t>(index * kFailKinds + static_cast<std::int32_t>(kind));
}
constexpr Fail kind_of(std::int32_t info) { return static_cast<Fail>(info & (kFailKinds - 1)); }
constexpr std::int32_t index_of(std::int32_t info) { return info / kFailKinds; }

}  // namespace backsolve
