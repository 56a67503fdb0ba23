// Which instructions of a program become one loop. Elementwise maps, reductions and views over a common space of indices are computed
// together, element after element, and only what others read of them has memory (families/fused.cc).
#pragma once
#include <map>
#include <optional>
#include <set>

#include "views.h"

namespace backsolve {

/// One loop over all `extent`. Axes that are `inner` are written out, others are walked.
struct FusedLoop {
  std::vector<Index> extent;
  std::vector<bool> inner;
  struct Member {
    int instruction;            // its position
    std::vector<int> at;        // the axes of its dimensions, of a reduction those of its input; -1 where the size is 1
    std::vector<Access> reads;  // per input
    Index cost = 1;             // instructions of the machine
    bool again = true;          // its result is stored, if at all, by another loop
  };
  std::vector<Member> members;
  std::optional<DType> real;                // f32 or f64: of all reals in it, of parts of complex numbers; none where there are none
  std::map<int, std::vector<int>> axes;     // of values that each round computes: the axis of each dimension, -1 where its size is 1
  std::map<int, std::vector<int>> reduced;  // of values that are ready only when the loop ends: likewise
};

/// What a plan takes as a step: one instruction, or a loop.
struct Unit {
  int instruction = -1;
  std::optional<FusedLoop> loop = {};
};

/// Cuts a program into units.
class Fuser {
 public:
  /// `fusable`: per instruction, whether it may be part of a loop; `apart`: whether it is not for this cut: what runs before all items and
  /// what runs for each share no loop.
  Fuser(const Program& program, std::vector<bool> fusable, std::vector<bool> apart);
  std::vector<Unit> cut();

 private:
  using Axes = std::vector<int>;
  static constexpr int kDepth = 3;  // of cheap values in each other
  const Program& program_;
  std::vector<bool> fusable_, apart_;
  std::vector<int> producer_;           // per value: the instruction of this cut; -1: none
  std::vector<int> loop_of_;            // per value: the open loop that computes it, or -1
  std::vector<bool> stored_;            // per instruction that is a view: it has memory
  std::vector<bool> waits_;             // per instruction: it moves elements, and nobody has needed them yet
  std::map<int, FusedLoop> open_;       // by number; nobody has needed them yet
  std::map<int, std::set<int>> after_;  // of an open loop: the open ones whose values it reads
  int loops_ = 0;
  std::vector<Unit> units_;

  const std::vector<Index>& dims(int value) const { return program_.values[static_cast<std::size_t>(value)].dims; }
  const Instruction& code(int i) const { return program_.code[static_cast<std::size_t>(i)]; }
  int producer(int value) const { return producer_[static_cast<std::size_t>(value)]; }
  int loop_of(int value) const { return loop_of_[static_cast<std::size_t>(value)]; }
  int& loop_of(int value) { return loop_of_[static_cast<std::size_t>(value)]; }
  Index count(int value) const;
  bool is_view(int value) const;
  int seen(int value) const;
  Access access(int value) const;
  bool waits(int value) const;
  void find_before(int value, std::set<int>& loops) const;
  void place(int i);
  std::set<int> before(const FusedLoop& loop, std::size_t from) const;
  bool reaches(int loop, int other) const;
  void need_views(int loop, std::size_t from);
  void begin(int i);
  bool join(FusedLoop& loop, int i, int depth = 0) const;
  bool finish_sums(FusedLoop& loop, const Instruction& c) const;
  bool find_axes(FusedLoop& loop, const Instruction& c, const std::vector<Index>& space, Axes& at) const;
  void add(FusedLoop& loop, int i, Axes at) const;
  void bring_cheap(FusedLoop& loop, const Instruction& c, int depth) const;
  bool cheap(int value, int depth) const;
  std::optional<Axes> axes_in(const FusedLoop& loop, int value) const;
  std::optional<Axes> alias(const Axes& source, int from, const Instruction& view) const;
  void need(int value);
  void close(int loop);
};

bool is_reduction(const Instruction& c);
/// Of the numbers that an instruction reads and writes, or of their parts: f32 or f64, none where all are bools or integers. False where
/// they differ.
bool reals_of(const Program& program, const Instruction& c, std::optional<DType>& real);

}  // namespace backsolve
