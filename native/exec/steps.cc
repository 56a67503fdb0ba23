// Steps that bring values into lanes, out of them, and to outputs. A step goes over all groups of a chunk, so that its dispatch is paid
// once.
#include "steps.h"

#include <cstring>

namespace backsolve {

void step_pack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto pack = c.plan->isa->pack[static_cast<int>(s.dtype)];
  const void* const* items = c.lists + ref(s, c, 0).list * c.plan->chunk * width;
  for (Index g = 0; g < c.groups; ++g) pack(c.at(ref(s, c, 1), g), items + g * width, s.count, width);
}

void step_unpack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto unpack = c.plan->isa->unpack[static_cast<int>(s.dtype)];
  const Ref& out = ref(s, c, 1);
  void* items[kMaxBlock];
  for (Index g = 0; g < c.groups; ++g) {
    const int used = used_lanes(c, g);
    for (int l = 0; l < used; ++l) items[l] = c.at(out, g * width + l);
    unpack(items, c.at(ref(s, c, 0), g), s.count, width, used);
  }
}

void step_copy(const Step& s, Chunk& c) {
  const Ref& in = ref(s, c, 0);
  const std::size_t bytes = static_cast<std::size_t>(s.count) * size_of(s.dtype);
  const void* const* items = in.list >= 0 ? c.lists + in.list * c.plan->chunk * c.plan->width : nullptr;
  for (Index i = 0; i < c.items; ++i) std::memcpy(c.at(ref(s, c, 1), i), items != nullptr ? items[i] : c.at(in, i), bytes);
}

}  // namespace backsolve
