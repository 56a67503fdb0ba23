#include "sets.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "packed/packed.h"

namespace backsolve {

#define BS_SET(name)                      \
  const LanesTable* lanes_table_##name(); \
  const packed::Table* packed_table_##name();
BS_SET(baseline)
BS_SET(neon)
BS_SET(avx2)
BS_SET(avx512)
#undef BS_SET

namespace {

#if defined(__x86_64__)
/// Intel's manual, volume 2, CPUID, and volume 1, 13.3: the processor has the instructions, and the system keeps the registers.
struct Processor {
  bool avx2 = false, avx512 = false;

  Processor() {
    constexpr std::uint32_t kFma = 1u << 12, kXsave = 1u << 27;                                    // leaf 1, ecx
    constexpr std::uint32_t kAvx2 = 1u << 5, kAvx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // leaf 7, ebx: f, dq, bw, vl
    constexpr std::uint64_t kYmm = 0x6, kZmm = 0xe6;                                               // of XCR0
    std::uint32_t a, b, c, d, saved_low, saved_high;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kFma) == 0 || (c & kXsave) == 0) return;
    __asm__("xgetbv" : "=a"(saved_low), "=d"(saved_high) : "c"(0));
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return;
    avx2 = (b & kAvx2) != 0 && (saved_low & kYmm) == kYmm;
    avx512 = avx2 && (b & kAvx512) == kAvx512 && (saved_low & kZmm) == kZmm;
  }
};
#endif

#if !defined(__x86_64__)
struct Processor {};
#endif

/// A set of this build: the narrowest first.
struct Set {
  const char* name;
  const LanesTable* (*lanes)();
  const packed::Table* (*packed)();
  bool (*runs)(const Processor&);
};
constexpr Set kBuilt[] = {
#if defined(BS_HAVE_BASELINE)
    {"baseline", lanes_table_baseline, packed_table_baseline, [](const Processor&) { return true; }},
#endif
#if defined(BS_HAVE_NEON)
    {"neon", lanes_table_neon, packed_table_neon, [](const Processor&) { return true; }},  // every 64-bit ARM has it
#endif
#if defined(BS_HAVE_AVX2)
    {"avx2", lanes_table_avx2, packed_table_avx2, [](const Processor& p) { return p.avx2; }},
#endif
#if defined(BS_HAVE_AVX512)
    {"avx512", lanes_table_avx512, packed_table_avx512, [](const Processor& p) { return p.avx512; }},
#endif
};

struct Sets {
  std::vector<const char*> built;
  std::vector<const LanesTable*> found;
  std::atomic<const LanesTable*> chosen;
  std::atomic<const packed::Table*> packed;

  Sets() {
    const Processor processor;
    for (const Set& set : kBuilt) {
      built.push_back(set.name);
      if (!set.runs(processor)) continue;
      found.push_back(set.lanes());
      chosen = found.back();
      packed = set.packed();
    }
  }
};
Sets& sets() {
  static Sets s;
  return s;
}

}  // namespace

const LanesTable& isa() { return *sets().chosen.load(std::memory_order_relaxed); }
std::span<const LanesTable* const> isas() { return sets().found; }
std::span<const char* const> compiled_isas() { return sets().built; }
const packed::Table& packed::table() { return *sets().packed.load(std::memory_order_relaxed); }
bool choose_isa(std::string_view name) {
  const auto& found = sets().found;
  if (std::none_of(found.begin(), found.end(), [&](const LanesTable* table) { return name == table->name; })) return false;
  for (const Set& set : kBuilt) {
    if (name != set.name) continue;
    sets().chosen.store(set.lanes(), std::memory_order_relaxed);
    sets().packed.store(set.packed(), std::memory_order_relaxed);
  }
  return true;
}

}  // namespace backsolve
