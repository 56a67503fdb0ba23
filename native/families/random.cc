// Random numbers: one key per draw, leading dimensions of keys are those of the draws.
#include <cmath>

#include "../exec/steps.h"
#include "families.h"
#include "whole.h"

namespace backsolve {
namespace {

constexpr double kMaxFirst = 0x1p45;  // in blocks: the number itself stays exact, and far from the counters of keys

bool computes(const Kernel&, DType column) { return column == DType::i32; }
bool in_lanes(const Kernel&, DType, const LanesTable&) { return true; }
Cost cost(const Planner& planner, const Instruction& code, int) { return cost_of_loop(planner.place(code.out[0]).count, 1, 3); }

const char* check(const Kernel& kernel, std::span<const double> attrs, std::span<const Shape> operands) {
  const bool uniform = kernel.draw == Draw::Kind::uniform;
  if (attrs.size() != (uniform ? 3 : 1)) return "wrong number of attributes";
  if (!integer_within(attrs[0], 0, kMaxFirst)) return "bad first number";
  if (uniform && !(std::isfinite(attrs[1]) && std::isfinite(attrs[2]) && attrs[1] <= attrs[2])) return "low and high are no interval";
  const Shape &key = operands[0], &out = operands[1];
  const int lead = key.rank - 1;
  if (lead < 0 || key.dims[lead] != 2) return "a key is two words";
  if (out.rank < lead || !std::equal(key.dims, key.dims + lead, out.dims)) return "the leading dimensions are not those of the keys";
  const bool keys = kernel.draw == Draw::Kind::split;
  return keys && (out.rank != lead + 2 || out.dims[lead + 1] != 2) ? "a key is two words" : nullptr;
}

/// Of finite numbers, low <= high.
void set_interval(Draw& draw, double low, double high) {
  const int exponent = std::clamp(std::ilogb(std::max(std::abs(low), std::abs(high))), -1000, 1000);
  draw.unit = std::ldexp(1.0, exponent);
  draw.start = low / draw.unit;
  const double end = high / draw.unit;
  // Knuth's two-sum, end - start exactly
  draw.wide = end - draw.start;
  const double part = draw.wide - end;
  draw.rest = (end - (draw.wide - part)) - (draw.start + part);
}

/// The draws of one call or of one item of a step, but for keys and memory.
struct Detail {
  Draw draw;
  RandomFill fill;
  Index first;
  Index keys, numbers;  // so many of each key
  Index bytes, width;   // of a number; items side by side
};

Detail detail_of(const Kernel& k, const LanesTable& isa, std::span<const double> attrs, const std::vector<Index>& key,
                 const std::vector<Index>& out, int width) {
  const DType t = port_dtype(static_cast<Port>(k.ports[1]), DType::i32);
  const bool complex = t == DType::c64 || t == DType::c128, wide = t == DType::f64 || t == DType::c128;
  const int lead = static_cast<int>(key.size()) - 1;
  Detail d{};
  d.draw.kind = k.draw;
  d.draw.variance = complex ? 0.5 : 1;
  if (k.draw == Draw::Kind::uniform) set_interval(d.draw, attrs[1], attrs[2]);
  d.fill = isa.random[t == DType::i32 ? 2 : wide ? 1 : 0];
  d.first = static_cast<Index>(attrs[0]) * kDrawBlock;
  d.keys = count_of(key.data(), lead);
  d.numbers = count_of(out.data() + lead, static_cast<int>(out.size()) - lead) * (complex ? 2 : 1);
  d.bytes = wide ? 8 : 4;
  d.width = width;
  return d;
}

/// Numbers [from, to) of key k of item `lane`.
void run_draw(const Detail& d, const char* keys, char* out, Index lane, Index k, Index from, Index to) {
  const auto* key = reinterpret_cast<const std::uint32_t*>(keys) + 2 * k * d.width + lane;
  Draw draw = d.draw;
  draw.key[0] = key[0];
  draw.key[1] = key[d.width];
  d.fill(draw, out + ((k * d.numbers + from) * d.width + lane) * d.bytes, d.width, d.first + from, to - from);
}

Outcome whole(const Eager& e, const Kernel& k) {
  const Operand &key = e.operands[0], &out = e.operands[1];
  const Detail d = detail_of(k, isa(), e.attrs, key.dims, out.dims, 1);
  static_assert(kGrain % kDrawBlock == 0);
  const Index extents[] = {d.keys, d.numbers};
  const bool aborted = split_loops(e, {2, extents}, [&](Index first, Index last, Index from, Index to) {
    for (Index i = first; i < last; ++i) run_draw(d, data_of(key), data_of(out), 0, i, from, to);
  });
  return {.aborted = aborted, .failures = {}};
}

std::int32_t one(const Step& s, const Chunk& c, char* const* operands) {
  const Detail& d = detail<Detail>(s, c);
  for (Index lane = 0; lane < d.width; ++lane) {
    for (Index k = 0; k < d.keys; ++k) run_draw(d, operands[0], operands[1], lane, k, 0, d.numbers);
  }
  return 0;
}

void plan(Planner& planner, Step& s, Form form) {
  const Instruction& code = *s.code;
  const std::vector<Index>&key = planner.type(code.in[0]).dims, &out = planner.type(code.out[0]).dims;
  const Detail d = detail_of(*s.kernel, planner.isa(), code.attrs, key, out, form == Form::lanes ? planner.width() : 1);
  s.one = one;
  s.flops = s.kernel->flops * static_cast<double>(d.keys * d.numbers);
  planner.keep(s, d);
}

}  // namespace

const Family family::random{"random", false, computes, in_lanes, check, whole, cost, plan};

}  // namespace backsolve
