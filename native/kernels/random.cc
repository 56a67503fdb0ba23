#include "random.h"

#include <algorithm>
#include <cmath>

#include "../base/pool.h"
#include "table.h"

namespace backsolve {
namespace {

constexpr Index kPiece = 64 * kDrawBlock;  // numbers that a thread takes at a time: some 50 microseconds

bool is_single(DType t) { return t == DType::f32 || t == DType::c64; }

}  // namespace

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

void fill_random(const Draw& draw, void* out, Index first, Index count) {
  const RandomFill fill = isa().random[is_single(draw.dtype) ? 0 : 1];
  const Index bytes = is_single(draw.dtype) ? 4 : 8;
  pool::parallel((count + kPiece - 1) / kPiece, 0, [&](Index piece) {
    const Index from = piece * kPiece;
    fill(draw, static_cast<char*>(out) + from * bytes, first + from, std::min(kPiece, count - from));
  });
}

}  // namespace backsolve
