// The cast that can fail.
#include <cmath>
#include <complex>

#include "list.h"

namespace backsolve {
namespace {

/// Towards zero; of a complex number the real part. Bytes of booleans may be other than 0 and 1.
double value_of(std::uint8_t x) { return x != 0 ? 1 : 0; }
double value_of(std::int32_t x) { return x; }
template <class S>
double value_of(S x) {
  return static_cast<double>(std::real(x));
}

template <class S>
std::int32_t to_int32(const Call& call, const NoWork<S>&) {
  const double x = value_of(*call.vector<const S>(0));
  if (!std::isfinite(x)) return make_info(Fail::not_finite);
  if (!(x > -0x1p31 - 1 && x < 0x1p31)) return make_info(Fail::out_of_range);
  *call.vector<std::int32_t>(1) = static_cast<std::int32_t>(x);
  return 0;
}

constexpr Kernel kList[] = {{"castInt32", "T() -> I()", "", 1, BS_SINGLE_ANY(to_int32, NoWork)}};

}  // namespace

BS_LIST(cast, kList)

}  // namespace backsolve
