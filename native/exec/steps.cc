// A step goes over all groups of a chunk, so that its dispatch is paid once.
#include "steps.h"

#include <cstring>

#include "sums.h"

namespace backsolve {

void run_items(const Step& s, Chunk& c) {
  char* p[kMaxOperands];
  for (Index g = 0; g < c.groups; ++g) {
    if (skips(c, g)) continue;
    operands_at(s, c, g, p);
    if (const std::int32_t info = s.one(s, c, p)) c.fail(g, s.instruction, info);
  }
}

void run_groups(const Step& s, Chunk& c) {
  char* p[kMaxOperands];
  for (Index g = 0; g < c.groups; ++g) {
    operands_at(s, c, g, p);
    s.one(s, c, p);
  }
}

void run_adapted(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  Unpacked::Operand operand[kMaxOperands]{};
  int n = 0;
  for (const auto* ids : {&s.code->in, &s.code->out}) {
    for (const int v : *ids) {
      if (v >= 0)
        operand[n] = {c.plan->program->values[static_cast<std::size_t>(v)].dtype, c.plan->places[static_cast<std::size_t>(v)].count};
      ++n;
    }
  }
  Unpacked items(c, operand, n);
  char *p[kMaxOperands], *one[kMaxOperands];
  for (Index g = 0; g < c.groups; ++g) {
    const int used = used_lanes(c, g);
    operands_at(s, c, g, p);
    items.unpack(0, s.inputs, p, used);
    for (int l = 0; l < used; ++l) {
      if (skips(c, g * width + l)) continue;
      items.item(l, p, one);
      if (const std::int32_t info = s.one(s, c, one)) c.fail(g * width + l, s.instruction, info);
    }
    items.pack(s.inputs, s.operands, p, used);
  }
}

Unpacked::Unpacked(const Chunk& c, const Operand* operands, int count) : c_(c), operand_(operands), count_(count) {
  char* room = reinterpret_cast<char*>(c.base[Ref::arena]) + c.plan->temp_offset;
  for (int i = 0; i < count; ++i) {
    for (int l = 0; l < c.plan->width; ++l, room += operands[i].bytes()) item_[i][l] = room;
  }
}

void Unpacked::unpack(int first, int last, char* const* q, int used) {
  for (int i = first; i < last; ++i) {
    if (q[i] == nullptr) continue;
    const auto unpack = c_.plan->isa->unpack[static_cast<int>(operand_[i].dtype)];
    unpack(item_[i][0], operand_[i].bytes(), q[i], operand_[i].count, c_.plan->width, used);
  }
}

void Unpacked::pack(int first, int last, char* const* q, int used) {
  for (int i = first; i < last; ++i) {
    if (q[i] == nullptr) continue;
    const void* from[kMaxBlock];
    for (int l = 0; l < c_.plan->width; ++l) from[l] = item_[i][std::min(l, used - 1)];
    c_.plan->isa->pack[static_cast<int>(operand_[i].dtype)](q[i], from, operand_[i].count, c_.plan->width);
  }
}

void Unpacked::item(int lane, char* const* q, char** operands) const {
  for (int i = 0; i < count_; ++i) operands[i] = q[i] != nullptr ? item_[i][lane] : nullptr;
}

Index Unpacked::bytes(const Planner& planner, const Instruction& code) {
  Index n = 0;
  for (const auto* ids : {&code.in, &code.out}) {
    for (const int v : *ids) n += v < 0 ? 0 : Operand{planner.type(v).dtype, planner.place(v).count}.bytes();
  }
  return n * planner.width();
}

void step_pack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto& [count, dtype] = detail<Transfer>(s, c);
  const auto pack = c.plan->isa->pack[static_cast<int>(dtype)];
  const void* const* items = c.lists + ref(s, c, 0).list * c.plan->chunk * width;
  for (Index g = 0; g < c.groups; ++g) pack(c.at(ref(s, c, 1), g), items + g * width, count, width);
}

void step_unpack(const Step& s, Chunk& c) {
  const int width = c.plan->width;
  const auto& [count, dtype] = detail<Transfer>(s, c);
  const auto unpack = c.plan->isa->unpack[static_cast<int>(dtype)];
  const Ref& out = ref(s, c, 1);
  for (Index g = 0; g < c.groups; ++g) unpack(c.at(out, g * width), out.stride, c.at(ref(s, c, 0), g), count, width, used_lanes(c, g));
}

void step_copy(const Step& s, Chunk& c) {
  const Ref& in = ref(s, c, 0);
  const auto& [count, dtype] = detail<Transfer>(s, c);
  const std::size_t bytes = static_cast<std::size_t>(count) * size_of(dtype);
  const void* const* items = in.list >= 0 ? c.lists + in.list * c.plan->chunk * c.plan->width : nullptr;
  for (Index i = 0; i < c.items; ++i) std::memcpy(c.at(ref(s, c, 1), i), items != nullptr ? items[i] : c.at(in, i), bytes);
}

void step_pass(const Step& s, Chunk& c) {
  const auto& [count, dtype] = detail<Transfer>(s, c);
  const std::size_t bytes = static_cast<std::size_t>(count) * size_of(dtype) * static_cast<std::size_t>(c.plan->width);
  for (Index g = 0; g < c.groups; ++g) std::memcpy(c.at(ref(s, c, 1), g), c.at(ref(s, c, 0), g), bytes);
}

void step_accumulate(const Step& s, Chunk& c) {
  const auto& [count, dtype] = detail<Transfer>(s, c);
  for (Index g = 0; g < c.groups; ++g) add_lanes(*c.plan, dtype, count, c.at(ref(s, c, 1), g), c.at(ref(s, c, 0), g), used_lanes(c, g));
}

}  // namespace backsolve
