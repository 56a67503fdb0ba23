// What runs of one pattern do, step by step: built once, kept with the program, executed by every thread for its chunks.
//
// An item value lives in one of these places:
//   absolute  a constant: where it is;
//   input     an input shared by all items: where the run has it;
//   shared    run-wide memory: results of hoisted instructions, and shared values repeated into all lanes;
//   slot      the thread's arena: one element group after the other, slots reused when their value is dead;
//   list      an input of its own per item, single layout: read in place, through one pointer per item of the chunk;
//   output    single layout: written, and read again, in place in the output buffer;
//   port      inputs and outputs of a body: where whoever runs it says.
// In lanes a group is W items side by side, element e at e * W scalars; in single layout a group is one item (W = 1). The plan of a body is
// a part of that of its program: in lanes it goes over all groups of a chunk, in single layout over one item.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "family.h"

namespace backsolve {

/// The address for group g of a chunk is base[r.base] + offset + g * stride; or, if list >= 0, that list's pointer g * W.
struct Ref {
  // outputs + o: output o at the first item of the chunk, of one that is summed the chunk's own sum; behind the outputs:
  // Plan::shared_inputs. Of a body, outputs + p: port p, inputs and then outputs.
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
  const Run* run;
  Index first_item, items, groups;
  const std::uintptr_t* base;
  const void* const* lists;  // per list input: groups * W pointers, the last item repeated
  std::int32_t* failed;      // per item: the site that failed first, or -1
  std::int32_t* info;        // per item: what it reported
  Index* steps;              // per item: `depth` numbers, `now` as it was then
  Index* now;                // where the loops around are
  int depth;
  Scratch* scratch;
  std::atomic<Index>* done = nullptr;  // for the items of inner loops; null: nobody counts them
  bool any_failed = false;
  bool stopped = false;  // the run was aborted, and what is computed means nothing

  char* at(const Ref& r, Index g) const;
  void fail(Index item, int site, std::int32_t what);
  /// Whether to leave: looked at between the runs of a body.
  bool stops() { return stopped = stopped || (run->abort != nullptr && run->abort->load(std::memory_order_relaxed)); }
};

struct Fused;

struct Step {
  void (*run)(const Step&, Chunk&);  // over all groups of a chunk
  /// One group, or of Form::adapted one item, at these operands; null: absent. Returns 0 or what failed.
  std::int32_t (*one)(const Step&, const Chunk&, char* const* operands);
  int instruction;  // its site; -1: copies of inputs to outputs
  int refs;         // the first of its operands in Plan::refs
  int inputs, operands;
  int detail;          // in Plan::details: what only `run` and `one` know
  int inner;           // in Plan::inners; -1: no bodies
  const Fused* fused;  // of a loop of several instructions; then it has no `code` and no `kernel`
  Form form;           // the rest is for who asks: null and 0 in packing and copies
  double flops;        // of one item, estimated
  const Instruction* code;
  const Kernel* kernel;
};

/// Where a value lives and how long.
struct Place {
  bool per_item = false;  // differs from item to item
  bool wanted = false;    // used by a per-item instruction
  int input = -1, output = -1;
  int pointer = -1;       // of an input: position in Plan::lists or Plan::shared_inputs
  int port = -1;          // of a body's input or output
  Index count = 0;        // elements
  Index step = 0;         // elements of one group to the next in lanes
  bool cold = false;      // a slot of which the steps of a loop touch one part after the other
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
  int threads;             // at most
  std::vector<bool> sums;  // per output
  int first_site;
  Pattern(const Program& program, const Run& run);
  /// Of a body that runs as a batch of its own.
  Pattern(const Pattern& outer, const Control& loop, std::vector<bool> sums_of, int site);
  bool operator==(const Pattern&) const = default;
};

struct Inner;

/// A loop over several instructions (fuse.h), as code of the register machine (lanes/fused.h).
struct Fused {
  std::vector<int> instructions, values;  // of the program; one per operand
  const FusedTable* tables;               // of the dtype, by the logarithm of a tile's length
  int tile = 0;                           // that logarithm
  bool over_groups = false;               // a tile is one element of several groups; else elements of one
  bool flat = false;                      // of one item, not of lanes
  bool halves = false;                    // row i of the last extent has i + 1 elements (families/fused_mirror.h)
  int operands = 0;                       // in memory; one more for what a tile stores for itself
  std::vector<Index> extent;              // of the loops around the tiles
  Index count = 0;                        // elements that tiles go over, of a group
  std::vector<Index> stride;              // bytes, per extent and operand
  std::vector<FusedOperand> along;        // per operand: step and move
  std::vector<FusedIns> body[kFusedTiles], begin, row_begin, row_end, end;
  struct Sum {
    int operand;
    Reduce reduce;
    Index elements;
  };
  std::vector<Sum> sums;  // outputs that are accumulated in memory
  struct Copy {
    int from, to;  // operands
    Index elements;
    bool opposite;  // the negative
  };
  std::vector<Copy> copies;  // when the loop has run
};

struct Plan {
  const Program* program;
  const LanesTable* isa;
  bool lanes = false;
  int width = 1;                                       // items in a group
  Index items = 0, groups = 0, chunk = 1, chunks = 0;  // chunk: groups in a chunk
  Index segment = 1, tasks = 0;                        // groups that one thread takes at a time, chunk after chunk
  bool sums = false;                                   // there are outputs that are summed over the batch
  bool counts_inner = false;                           // progress is that of its loops
  int threads = 1;
  double flops = 0;  // of all items together, estimated
  std::size_t arena_bytes = 0, temp_offset = 0, lists_offset = 0, marks_offset = 0, steps_offset = 0, sums_offset = 0, base_offset = 0;
  std::size_t temp_bytes = 0, scratch_bytes = 0, shared_bytes = 0;
  std::vector<Place> places;      // per value
  std::size_t hoisted_bytes = 0;  // of arena, for hoisted loops
  std::vector<Step> hoisted, steps;
  std::vector<Inner> inners;  // of the steps that have bodies
  std::vector<std::unique_ptr<const Fused>> fused;
  std::vector<int> splats;  // values to repeat into lanes once
  std::vector<int> lists;   // program inputs read item by item
  std::vector<int> shared_inputs;
  std::vector<Ref> refs;
  std::vector<Index> numbers;
  std::vector<std::byte> details;
};

/// What a step with bodies has: rooms of its own in the arena, the bodies' plans, and what only its family knows.
struct Inner {
  std::vector<Index> rooms;   // where in the arena
  std::vector<Index> frames;  // where in the arena each body's own begins
  std::vector<Plan> bodies;
  std::vector<Plan> batch;  // of a loop that is a batch of its own: as of any program, and without a frame
  std::shared_ptr<const void> detail;
};

Plan make_plan(const Program& program, const Pattern& pattern);
/// A run that has such a plan.
Outcome execute(const Plan& plan, const Run& run);
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

inline void Chunk::fail(Index item, int site, std::int32_t what) {
  if (failed[item] >= 0) return;
  failed[item] = site;
  info[item] = what;
  any_failed = true;
  for (int d = 0; d < depth; ++d) steps[item * depth + d] = now[d];
}

}  // namespace backsolve
