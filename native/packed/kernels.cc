// The table of one instruction set.
#include "getrf.h"
#include "levinson.h"
#include "potrf.h"
#include "powers.h"
#include "trsm.h"

#define BS_JOIN_(a, b) a##b
#define BS_JOIN(a, b) BS_JOIN_(a, b)

namespace backsolve {
namespace BS_ISA {

// Measured against OpenBLAS's kernels for processors of the same instructions (docs/performance.md), float32 and float64; nothing was on
// ARM.
#if BS_VECTOR_BYTES == 64
constexpr packed::Limits kShort{256, 256, 5, 65536, 16}, kLong{256, 256, 3, 65536, 8};
#elif BS_VECTOR_BYTES == 32
constexpr packed::Limits kShort{256, 0, 0, 65536, 8}, kLong{256, 256, 48, 32768, 4};
#elif defined(__x86_64__)
constexpr packed::Limits kShort{96, 0, 0, 4096, 0}, kLong{64, 0, 0, 1024, 0};
#else
constexpr packed::Limits kShort{0, 0, 0, 0, 0}, kLong{0, 0, 0, 0, 0};
#endif

static constexpr packed::Table kTable{{kShort, potrf<float>, trsm<float>, getrf<float>, products<float>, powers<float>, gemm<float>},
                                      {kLong, potrf<double>, trsm<double>, getrf<double>, products<double>, powers<double>, gemm<double>},
                                      levinson,
                                      toeplitz_residual};

}  // namespace BS_ISA

const packed::Table* BS_JOIN(packed_table_, BS_ISA)() { return &BS_ISA::kTable; }

}  // namespace backsolve
