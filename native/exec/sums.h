// Outputs that are summed over a batch: lane by lane within a segment of it, then the lanes, then the segments, each in order.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "plan.h"

namespace backsolve {

/// sum += x, of `count` elements of so many lanes.
void add_lanes(const Plan& plan, DType dtype, Index count, char* sum, const char* x, int lanes);

/// The sums of one run.
class Sums {
 public:
  Sums(const Plan& plan, const Run& run) : plan_(plan), run_(run), done_(static_cast<std::size_t>(plan.sums ? plan.tasks : 0)) {}
  /// What a thread adds to: -0, which changes nothing, at `room`; in `base` where each begins.
  void begin(char* room, std::uintptr_t* base) const;
  /// The sums of a segment are there.
  void end(char* room, Index segment);
  /// Zeros, of a batch without items; NaN, where items failed.
  void fill(bool failed) const;

 private:
  const Plan& plan_;
  const Run& run_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> done_;  // of segments that wait for one before
  Index next_ = 0;                                  // segments up to here are in the outputs

  template <class F>
  void each(F&& f) const;
  std::size_t bytes_of_segment() const;
  void fold(char* room, std::byte* to) const;
  void add(const std::byte* from);
};

}  // namespace backsolve
