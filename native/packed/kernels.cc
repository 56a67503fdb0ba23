// The table of one instruction set.
#include "getrf.h"
#include "levinson.h"
#include "potrf.h"
#include "powers.h"
#include "qr.h"
#include "trsm.h"

#define BS_JOIN_(a, b) a##b
#define BS_JOIN(a, b) BS_JOIN_(a, b)

namespace backsolve {
namespace BS_ISA {

// Measured against OpenBLAS's kernels for processors of the same instructions (docs/performance.md), float32 and float64; nothing was on
// ARM.
constexpr Index kAny = INT64_MAX;
#if BS_VECTOR_BYTES == 64
constexpr packed::Limits kShort{256, 256, 5, 65536, 16, kAny}, kLong{256, 256, 3, 65536, 8, kAny};
#elif BS_VECTOR_BYTES == 32
constexpr packed::Limits kShort{256, 0, 0, 65536, 8, kAny}, kLong{256, 256, 48, 32768, 4, kAny};
#elif defined(__x86_64__)
constexpr packed::Limits kShort{96, 0, 0, 4096, 0, kAny}, kLong{64, 0, 0, 1024, 0, kAny};
#else
constexpr packed::Limits kShort{0, 0, 0, 0, 0, 0}, kLong{0, 0, 0, 0, 0, 0};
#endif

template <class R>
static constexpr packed::Kernels<R> kernels(const packed::Limits& limits) {
  return {limits,    potrf<R>, trsm<R>,     getrf<R>,    products<R>,   powers<R>,  gemm<R>,
          kStrip<R>, W<R>,     qr_panel<R>, qr_given<R>, qr_reflect<R>, qr_load<R>, largest_of<R>};
}
static constexpr packed::Table kTable{kernels<float>(kShort), kernels<double>(kLong), levinson, toeplitz_residual};

}  // namespace BS_ISA

const packed::Table* BS_JOIN(packed_table_, BS_ISA)() { return &BS_ISA::kTable; }

}  // namespace backsolve
