#include "sums.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "planner.h"

namespace backsolve {
namespace {

bool is_wide(DType t) { return t == DType::f64 || t == DType::c128; }

template <class R>
void fill(char* p, Index reals, double x) {
  std::fill_n(reinterpret_cast<R*>(p), reals, static_cast<R>(x));
}
void fill(char* p, DType t, Index count, double x) {
  is_wide(t) ? fill<double>(p, count * (is_complex(t) ? 2 : 1), x) : fill<float>(p, count * (is_complex(t) ? 2 : 1), x);
}

/// Of vectors of `width` reals the first `lanes`.
template <class R>
void add_some(char* sum, const char* x, Index vectors, int width, int lanes) {
  auto* const to = reinterpret_cast<R*>(sum);
  const auto* const from = reinterpret_cast<const R*>(x);
  for (Index v = 0; v < vectors; ++v)
    for (int l = 0; l < lanes; ++l) to[v * width + l] += from[v * width + l];
}

/// The sum of an item's element over the lanes, in order.
template <class R>
void fold_lanes(const char* sum, std::byte* to, Index vectors, int width) {
  const auto* const from = reinterpret_cast<const R*>(sum);
  auto* const out = reinterpret_cast<R*>(to);
  for (Index v = 0; v < vectors; ++v) {
    out[v] = from[v * width];
    for (int l = 1; l < width; ++l) out[v] += from[v * width + l];
  }
}

}  // namespace

void add_lanes(const Plan& plan, DType t, Index count, char* sum, const char* x, int lanes) {
  const Index vectors = count * (is_complex(t) ? 2 : 1);
  if (lanes < plan.width)
    return is_wide(t) ? add_some<double>(sum, x, vectors, plan.width, lanes) : add_some<float>(sum, x, vectors, plan.width, lanes);
  const auto add = plan.isa->map_flat[static_cast<int>(Map::add)][static_cast<int>(is_wide(t) ? DType::f64 : DType::f32)];
  const void* const in[3] = {sum, x, nullptr};
  constexpr Index kStrides[4] = {1, 1, 1, 0};
  add(sum, in, vectors * plan.width, kStrides);
}

/// Calls f(output, dtype, elements, where in the room of a thread, where in the memory of a segment) for each sum.
template <class F>
void Sums::each(F&& f) const {
  Index room = 0, segment = 0;
  const Program& program = *plan_.program;
  for (std::size_t o = 0; o < program.outputs.size(); ++o) {
    if (!run_.summed(o)) continue;
    const auto v = static_cast<std::size_t>(program.outputs[o]);
    const Place& p = plan_.places[v];
    f(o, program.values[v].dtype, p.count, room, segment);
    room += round_up(static_cast<Index>(p.bytes) * plan_.width);
    segment += round_up(static_cast<Index>(p.bytes));
  }
}

std::size_t Sums::bytes_of_segment() const {
  Index n = 0;
  each([&](std::size_t, DType t, Index count, Index, Index at) { n = at + round_up(count * static_cast<Index>(size_of(t))); });
  return static_cast<std::size_t>(n);
}

void Sums::begin(char* room, std::uintptr_t* base) const {
  each([&](std::size_t o, DType t, Index count, Index at, Index) {
    backsolve::fill(room + at, t, count * plan_.width, -0.0);
    base[Ref::outputs + o] = reinterpret_cast<std::uintptr_t>(room + at);
  });
}

void Sums::fold(char* room, std::byte* to) const {
  each([&](std::size_t, DType t, Index count, Index from, Index at) {
    const Index vectors = count * (is_complex(t) ? 2 : 1);
    is_wide(t) ? fold_lanes<double>(room + from, to + at, vectors, plan_.width)
               : fold_lanes<float>(room + from, to + at, vectors, plan_.width);
  });
}

void Sums::add(const std::byte* from) {
  each([&](std::size_t o, DType t, Index count, Index, Index at) {
    auto* const to = static_cast<char*>(run_.out[o]);
    const auto* const x = reinterpret_cast<const char*>(from + at);
    const std::size_t bytes = static_cast<std::size_t>(count) * size_of(t);
    if (bytes == 0) return;
    if (next_ == 0) return static_cast<void>(std::memcpy(to, x, bytes));
    const Index reals = count * (is_complex(t) ? 2 : 1);
    is_wide(t) ? add_some<double>(to, x, reals, 1, 1) : add_some<float>(to, x, reals, 1, 1);
  });
}

void Sums::end(char* room, Index segment) {
  std::unique_ptr<std::byte[]> mine(new std::byte[bytes_of_segment()]);
  fold(room, mine.get());
  const std::lock_guard lock(mutex_);
  done_[static_cast<std::size_t>(segment)] = std::move(mine);
  for (; next_ < plan_.tasks; ++next_) {
    auto& ready = done_[static_cast<std::size_t>(next_)];
    if (ready == nullptr) return;
    add(ready.get());
    ready = nullptr;
  }
}

void Sums::fill(bool failed) const {
  each([&](std::size_t o, DType t, Index count, Index, Index) {
    if (count > 0) backsolve::fill(static_cast<char*>(run_.out[o]), t, count, failed ? std::numeric_limits<double>::quiet_NaN() : 0);
  });
}

}  // namespace backsolve
