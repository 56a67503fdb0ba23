// Calls that JavaScript makes again and again: what a descriptor says, read and checked once. Then only memory crosses.
#pragma once
#include <napi.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "../exec/program.h"

namespace backsolve {

/// Those of one environment.
class Calls {
 public:
  /// Keeps a call; returns its number.
  double prepare(const Napi::CallbackInfo& info);
  /// Computes one: its number, whether to collect, then the buffers of the operands that are there, inputs first.
  Outcome run(const Napi::CallbackInfo& info);
  /// Drops calls by number, in a Float64Array; numbers are not given again, as copies of lib/ may share one addon.
  void forget(const Napi::CallbackInfo& info);

 private:
  struct Kept {
    Eager call;  // its operands' memory is that of the last run, and means nothing
    std::vector<Index> counts;
    std::size_t buffers;
  };
  std::unordered_map<std::uint32_t, Kept> kept_;
  std::uint32_t next_ = 0;
};

}  // namespace backsolve
