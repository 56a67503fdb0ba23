// A program: instructions over item values in static single assignment. An eager call is a program of one instruction.
// Pure C++: no JavaScript here. call.cc builds these from descriptors, TypeScript checked them before, check() checks them again.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/table.h"

namespace backsolve {

constexpr bool is_complex(DType t) { return t == DType::c64 || t == DType::c128; }

struct Type {
  DType dtype;
  std::vector<Index> dims;  // of one item
};

struct Program;

/// What an instruction with bodies is. A loop's inputs are carries, mapped ones with an element per run along their first axis, and shared
/// ones; its outputs are the last carries, then results, stacked along a first axis or summed. The inputs of a while are carries and shared
/// ones, its outputs the last carries. A cond has a truth value, then what both bodies read. Bodies have their inputs by position.
struct Control {
  enum class Kind { loop, cond, repeat };
  Kind kind;
  Index length = 0;      // of a loop; of a while, how often its body runs at most
  bool reverse = false;  // from the last element to the first
  std::size_t carries = 0, mapped = 0;
  std::vector<bool> sums;                              // of a loop, per result
  std::vector<std::shared_ptr<const Program>> bodies;  // loop: its own; cond: then, otherwise; while: test, body
};

struct Instruction {
  int kernel = -1;  // position in kernels(); -1: see `control`
  DType column{};
  std::vector<double> attrs;
  std::vector<int> in, out;  // value ids; -1: null input, unwanted output
  std::shared_ptr<const Control> control;
};
/// What the instruction computes with.
const Kernel& kernel_of(const Instruction& code);

constexpr int kMaxDepth = 8;  // of bodies in bodies

struct Program {
  std::vector<Type> values;
  std::vector<int> inputs;
  std::vector<int> constants;
  std::vector<std::vector<std::byte>> constant_data;  // parallel to constants; owned
  std::vector<Instruction> code;
  std::vector<int> outputs;
  std::shared_ptr<class Plans> plans;  // of its last runs; null: every run is planned anew
  // Found by check(), bodies included as often as they are named:
  Index sites = 0;  // instructions. Those of bodies are numbered behind the one that runs them, in order.
  Index all_values = 0, bytes = 0;
  int depth = 0;    // of loops and whiles in each other
  int nesting = 0;  // of bodies in each other
};

enum class Layout { automatic, single, lanes };

struct Run {
  bool collect = false;  // fill failing items with NaN and report all; else report the lowest failing item only
  Layout layout = Layout::automatic;
  Index chunk = 0;                           // lane groups (lanes) or items (single) per chunk; 0: fit half of L2
  int threads = 0;                           // at most; 0: the pool's
  std::vector<Index> batch;                  // batch dimensions
  std::vector<std::vector<Index>> strides;   // per input, per batch dimension, in elements; 0: shared along it
  std::vector<const void*> in;               // per program input
  std::vector<std::size_t> in_bytes;         // memory behind each, for who copies it
  std::vector<void*> out;                    // per program output, contiguous batch dims then item dims
  std::vector<bool> sums;                    // per program output, if any: summed over the batch, without its dimensions
  const std::atomic<bool>* abort = nullptr;  // looked at between chunks
  std::atomic<Index>* done = nullptr;        // items finished, bumped between chunks
  bool inner = false;                        // a loop of another run: its items are the runs of the body
  bool summed(std::size_t output) const { return output < sums.size() && sums[output]; }
};

struct Failure {
  Index item;         // linear in batch
  int site;           // the instruction's number
  std::int32_t info;  // status.h
  Index at = 0;       // in Outcome::steps, times Outcome::depth: where the loops around it were; -1 of one that was not entered
};

struct Outcome {
  bool aborted = false;
  std::vector<Failure> failures = {};  // sorted by item; one per item (its first failing instruction)
  int depth = 0;
  std::vector<Index> steps = {};
};

/// Every id, rank, size product, attribute and shape against the kernel's own rules; bodies were checked before. Measures the program.
/// Returns "" or what is wrong.
std::string check(Program&);
/// Strides, extents, counts of a Run against the program: the largest element each input and output touches. `sizes`: elements available
/// per buffer, inputs then outputs; without the outputs', these are yet to be made. Returns "" or what is wrong, and in `small` which
/// buffer has too little memory, if that is what is wrong.
std::string check(const Program&, const Run&, const std::vector<Index>& sizes, int& small);

/// Throws std::bad_alloc, nothing else. Blocks; works on the calling thread together with idle workers of the pool.
Outcome execute(const Program&, const Run&);

/// One kernel over full shapes, as `run` of docs/native-boundary.md: matrix kernels become a program of one instruction whose batch is the
/// broadcast batch; the other families run over the whole tensor at once.
struct Operand {
  bool present;
  DType dtype;
  std::vector<Index> dims;
  Index offset;  // elements
  Index size;    // elements available behind `data`
  void* data;
};
struct Eager {
  int kernel;
  DType column;
  std::vector<double> attrs;
  std::vector<Operand> operands;
  bool collect = false;
  const std::atomic<bool>* abort = nullptr;
  /// How many of the operands are inputs, or -1 where that cannot be.
  int inputs() const { return kernels()[static_cast<std::size_t>(kernel)].inputs_of(operands.size()); }
};
/// `here`: so many of the operands, inputs first, have their memory, which is checked, too.
std::string check(const Eager&, std::size_t here);
Outcome execute(const Eager&);

/// The plan as JSON: layout, W, chunk, threads, arena bytes; per instruction: kernel, layout, shape, slots, hoisted, flops, bytes.
std::string explain(const Program&, const Run&);

}  // namespace backsolve
