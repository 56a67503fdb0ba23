// The sets that this build does not hold. Compiled once, without an instruction set of its own.
#include "lanes.h"

namespace backsolve {

#ifndef BS_HAVE_AVX2
const LanesTable* lanes_table_avx2() { return nullptr; }
#endif
#ifndef BS_HAVE_AVX512
const LanesTable* lanes_table_avx512() { return nullptr; }
#endif
#ifndef BS_HAVE_NEON
const LanesTable* lanes_table_neon() { return nullptr; }
#endif

}  // namespace backsolve
