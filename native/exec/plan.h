// What runs of one pattern do, step by step: built once, kept with the program, executed by every thread for its chunks.
//
// An item value lives in one of these places:
//   absolute  a constant: where it is;
//   input     an input shared by all items: where the run has it;
//   shared    run-wide memory: results of hoisted instructions, and shared values repeated into all lanes;
//   slot      the thread's arena: one element group after the other, slots reused when their value is dead;
//   list      an input of its own per item, single layout: read in place, through one pointer per item of the chunk;
//   output    single layout: written, and read again, in place in the output buffer.
// In lanes a group is W items side by side, element e at e * W scalars; in single layout a group is one item (W = 1).
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "family.h"

namespace backsolve {

/// The address for group g of a chunk is base[r.base] + offset + g * stride; or, if list >= 0, that list's pointer g * W.
struct Ref {
  // outputs + o: output o at the first item of the chunk; behind the outputs: Plan::shared_inputs
  enum Base : int { absolute = 0, shared = 1, arena = 2, outputs = 3 };
  int base = absolute;
  int list = -1;
  Index offset = 0, stride = 0;
};

struct Step;
struct Plan;

/// One thread's view of the groups it works on now.
struct Chunk {
  const Plan* plan;
  Index first_item, items, groups;
  const std::uintptr_t* base;
  const void* const* lists;  // per list input: groups * W pointers, the last item repeated
  std::int32_t* failed;      // per item: the first failing instruction, or -1
  std::int32_t* info;        // per item: what it reported
  bool any_failed = false;
  Scratch* scratch;

  char* at(const Ref& r, Index g) const;
  void fail(Index item, int instruction, std::int32_t what);
};

struct Step {
  void (*run)(const Step&, Chunk&);  // over all groups of a chunk
  /// One group, or of Form::adapted one item, at these operands; null: absent. Returns 0 or what failed.
  std::int32_t (*one)(const Step&, const Chunk&, char* const* operands);
  int instruction;  // -1: copies of inputs to outputs
  int refs;         // the first of its operands in Plan::refs
  int inputs, operands;
  int detail;    // in Plan::details: what only `run` and `one` know
  Form form;     // the rest is for who asks: null and 0 in packing and copies
  double flops;  // of one item, estimated
  const Instruction* code;
  const Kernel* kernel;
};

/// Where a value lives and how long.
struct Place {
  bool per_item = false;  // differs from item to item
  bool wanted = false;    // used by a per-item instruction
  int input = -1, output = -1;
  int pointer = -1;       // of an input: position in Plan::lists or Plan::shared_inputs
  Index count = 0;        // elements
  std::size_t bytes = 0;  // of one item
  const void* absolute = nullptr;
  Index shared = -1;          // offset of the single form in run-wide memory
  Index splat = -1;           // offset of the lanes form in run-wide memory
  Index slot = -1;            // offset in the arena
  int first = -1, last = -1;  // steps
};

/// What of a run its plan depends on.
struct Pattern {
  const LanesTable* isa;
  Index items;
  std::vector<bool> varies;  // per input: whether it differs from item to item
  Layout layout;
  Index chunk;
  int threads;  // at most
  Pattern(const Program& program, const Run& run);
  bool operator==(const Pattern&) const = default;
};

struct Plan {
  const Program* program;
  const LanesTable* isa;
  bool lanes = false;
  int width = 1;                                       // items in a group
  Index items = 0, groups = 0, chunk = 1, chunks = 0;  // chunk: groups in a chunk
  int threads = 1;
  double flops = 0;  // of all items together, estimated
  std::size_t arena_bytes = 0, temp_offset = 0, lists_offset = 0, marks_offset = 0, base_offset = 0;
  std::size_t temp_bytes = 0, scratch_bytes = 0, shared_bytes = 0;
  std::vector<Place> places;  // per value
  std::vector<Step> hoisted, steps;
  std::vector<int> splats;  // values to repeat into lanes once
  std::vector<int> lists;   // program inputs read item by item
  std::vector<int> shared_inputs;
  std::vector<Ref> refs;
  std::vector<Index> numbers;
  std::vector<std::byte> details;
};

Plan make_plan(const Program& program, const Pattern& pattern);
/// How many were made in this process.
std::uint64_t plans_made();

/// The plans of a program's last few patterns.
class Plans {
 public:
  std::shared_ptr<const Plan> of(const Program& program, Pattern pattern);

 private:
  struct Kept {
    Pattern pattern;
    std::shared_ptr<const Plan> plan;
  };
  std::mutex mutex_;
  std::vector<Kept> kept_;  // the last used first
};

/// Below this many operations waking a thread costs more than it brings.
constexpr double kWorthAThread = 200e3;
std::size_t l2_bytes();

inline char* Chunk::at(const Ref& r, Index g) const {
  if (r.list >= 0) {
    return const_cast<char*>(static_cast<const char*>(lists[(r.list * plan->chunk + g) * plan->width]));
  }
  return reinterpret_cast<char*>(base[r.base] + static_cast<std::uintptr_t>(r.offset + g * r.stride));
}

inline void Chunk::fail(Index item, int instruction, std::int32_t what) {
  if (failed[item] >= 0) return;
  failed[item] = instruction;
  info[item] = what;
  any_failed = true;
}

}  // namespace backsolve
