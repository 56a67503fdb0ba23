// How steps go over a chunk, and what they need to know of it.
#pragma once
#include <algorithm>

#include "../families/loops.h"
#include "planner.h"

namespace backsolve {

inline const Ref& ref(const Step& s, const Chunk& c, int i) { return c.plan->refs[static_cast<std::size_t>(s.refs + i)]; }
inline const Index* number(const Chunk& c, int i) { return c.plan->numbers.data() + i; }
/// What Planner::keep was given.
template <class T>
const T& detail(const Step& s, const Chunk& c) {
  return *reinterpret_cast<const T*>(c.plan->details.data() + s.detail);
}

/// A null operand is an absolute reference to address 0.
inline void operands_at(const Step& s, const Chunk& c, Index g, char** p) {
  for (int i = 0; i < s.operands; ++i) p[i] = c.at(ref(s, c, i), g);
}

/// Valid items of group g.
inline int used_lanes(const Chunk& c, Index g) { return static_cast<int>(std::min<Index>(c.plan->width, c.items - g * c.plan->width)); }

inline bool skips(const Chunk& c, Index item) { return c.any_failed && c.failed[item] >= 0; }

/// Operands of W lanes as W items each, in the thread's temporary memory.
class Unpacked {
 public:
  struct Operand {
    DType dtype;
    Index count;  // elements of an item
    Index bytes() const { return round_up(count * static_cast<Index>(size_of(dtype))); }
  };
  Unpacked(const Chunk& c, const Operand* operands, int count);
  /// Operands [first, last) from lanes at q into items, and back; null ones are passed over.
  void unpack(int first, int last, char* const* q, int used);
  void pack(int first, int last, char* const* q, int used);
  /// The operands of one item, null where q is.
  void item(int lane, char* const* q, char** operands) const;
  /// What an instruction's operands take.
  static Index bytes(const Planner& planner, const Instruction& code);

 private:
  const Chunk& c_;
  const Operand* operand_;
  int count_;
  char* item_[kMaxOperands][kMaxBlock];
};

/// Step::one for each item that has not failed, single layout; for each group of lanes; for each item of lanes, unpacked and packed again:
/// for every kernel without code for lanes, of any family.
void run_items(const Step&, Chunk&);
void run_groups(const Step&, Chunk&);
void run_adapted(const Step&, Chunk&);

/// Detail of the steps that bring values into lanes, out of them, and to outputs.
struct Transfer {
  Index count;  // elements of an item
  DType dtype;
};
void step_pack(const Step&, Chunk&);
void step_unpack(const Step&, Chunk&);
void step_copy(const Step&, Chunk&);
/// To an output of a body, as lanes are.
void step_pass(const Step&, Chunk&);
/// To the sum over the batch.
void step_accumulate(const Step&, Chunk&);

}  // namespace backsolve
