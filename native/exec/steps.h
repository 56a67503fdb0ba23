// What steps need to know of the chunk they go over.
#pragma once
#include <algorithm>

#include "plan.h"

namespace backsolve {

inline const Ref& ref(const Step& s, const Chunk& c, int i) { return c.plan->refs[static_cast<std::size_t>(s.refs + i)]; }

inline const Index* number(const Chunk& c, int i) { return c.plan->numbers.data() + i; }

/// A null operand is an absolute reference to address 0.
inline void operands_at(const Step& s, const Chunk& c, Index g, char** p) {
  for (int i = 0; i < s.operands; ++i) p[i] = c.at(ref(s, c, i), g);
}

/// Valid items of group g.
inline int used_lanes(const Chunk& c, Index g) { return static_cast<int>(std::min<Index>(c.plan->width, c.items - g * c.plan->width)); }

inline bool skips(const Chunk& c, Index item) { return c.any_failed && c.failed[item] >= 0; }

}  // namespace backsolve
