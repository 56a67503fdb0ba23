// What a kernel reports for one matrix: 0, or a kind and LAPACK's index packed into one int32.
#pragma once
#include <cstdint>

namespace backsolve {

enum class Fail : std::int32_t {
#define BS_FAIL(e, name) e,
#include "fails.def"
  count
};
/// Their names, in order.
constexpr const char* kFailNames[] = {
#define BS_FAIL(e, name) name,
#include "fails.def"
};
constexpr std::int32_t kFailKinds = 64;
static_assert(static_cast<std::int32_t>(Fail::count) <= kFailKinds);

/// info = index * kFailKinds + kind; index is 1-based as in LAPACK (the order of the leading minor, the column of the pivot), 0 if none.
constexpr std::int32_t make_info(Fail kind, std::int64_t index = 0) {
  return static_cast<std::int32_t>(index * kFailKinds + static_cast<std::int32_t>(kind));
}
constexpr Fail kind_of(std::int32_t info) { return static_cast<Fail>(info & (kFailKinds - 1)); }
constexpr std::int32_t index_of(std::int32_t info) { return info / kFailKinds; }

}  // namespace backsolve
