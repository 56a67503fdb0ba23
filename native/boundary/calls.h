// Calls that JavaScript makes again and again: what a descriptor says, read and checked once. Then only memory crosses.
#pragma once
#include <napi.h>

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
  void forget() { kept_.clear(); }

 private:
  struct Kept {
    Eager call;  // its operands' memory is that of the last run, and means nothing
    std::vector<Index> counts;
    std::size_t buffers;
  };
  std::vector<Kept> kept_;
};

}  // namespace backsolve
