#include "fuse.h"

#include <algorithm>

#include "../families/families.h"

namespace backsolve {
namespace {

constexpr Index kInner = 8;      // rounds of the axes that are written out, at most
constexpr Index kLargest = 192;  // instructions of a loop, written out
constexpr Index kComplex = 4;    // instructions for one of complex numbers, about
constexpr int kAlike = -2;       // an axis along which a value does not change and which the loop need not have yet

/// Whether computing it again costs less than to store it.
bool is_cheap(Map map) {
  switch (map) {
    case Map::add:
    case Map::sub:
    case Map::mul:
    case Map::neg:
    case Map::square:
    case Map::abs:
      return true;
    default:
      return false;
  }
}

/// Adds axes to those that are written out; whether these are not too many rounds.
bool write_out(FusedLoop& loop, const std::vector<int>& axes) {
  for (const int a : axes) loop.inner[static_cast<std::size_t>(a)] = true;
  Index rounds = 1;
  for (std::size_t a = 0; a < loop.extent.size(); ++a) rounds *= loop.inner[a] ? loop.extent[a] : 1;
  return rounds <= kInner;
}

/// Instructions, written out.
Index size(const FusedLoop& loop) {
  Index n = 0;
  for (const auto& m : loop.members) {
    Index rounds = 1;
    for (const int a : m.at) rounds *= a >= 0 && loop.inner[static_cast<std::size_t>(a)] ? loop.extent[static_cast<std::size_t>(a)] : 1;
    n += rounds * m.cost;
  }
  return n;
}

/// What it may have in memory, at most.
std::size_t operands(const FusedLoop& loop) {
  std::size_t n = loop.members.size();
  for (const auto& m : loop.members)
    n += static_cast<std::size_t>(std::count_if(m.reads.begin(), m.reads.end(), [](const Access& a) { return !a.inside; }));
  return n;
}

/// Says where the dimensions of an operand, aligned to the right, put those of an instruction.
bool unify(std::vector<int>& at, const std::vector<int>& axes) {
  const std::size_t shift = at.size() - axes.size();
  for (std::size_t d = 0; d < axes.size(); ++d) {
    if (axes[d] < 0) continue;
    int& to = at[d + shift];
    if (to >= 0 && to != axes[d]) return false;
    to = axes[d];
  }
  for (std::size_t d = 0; d < at.size(); ++d)
    if (at[d] >= 0 &&
        std::find(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(d), at[d]) != at.begin() + static_cast<std::ptrdiff_t>(d))
      return false;
  return true;
}

/// The dimensions of a tensor as all axes of a loop, in order.
std::vector<int> in_order(const FusedLoop& loop, const std::vector<Index>& space) {
  std::vector<int> at(space.size(), -1);
  std::size_t a = 0;
  for (std::size_t d = 0; d < space.size(); ++d) {
    if (space[d] == 1) continue;
    while (a < loop.extent.size() && loop.inner[a] && loop.extent[a] != space[d]) ++a;
    if (a == loop.extent.size() || loop.extent[a] != space[d]) break;
    at[d] = static_cast<int>(a++);
  }
  return at;
}

bool covers(const FusedLoop& loop, const std::vector<int>& axes) {
  for (std::size_t a = 0; a < loop.extent.size(); ++a)
    if (!loop.inner[a] && std::find(axes.begin(), axes.end(), static_cast<int>(a)) == axes.end()) return false;
  return true;
}

}  // namespace

bool is_reduction(const Instruction& c) { return kernel_of(c).family == &family::reduce; }

bool reals_of(const Program& program, const Instruction& c, std::optional<DType>& real) {
  for (const auto* values : {&c.in, &c.out}) {
    for (const int v : *values) {
      const DType t = program.values[static_cast<std::size_t>(v)].dtype;
      if (static_cast<int>(t) >= kFloatTypes) continue;
      const DType part = t == DType::f64 || t == DType::c128 ? DType::f64 : DType::f32;
      if (real.value_or(part) != part) return false;
      real = part;
    }
  }
  return true;
}

Fuser::Fuser(const Program& program, std::vector<bool> fusable, std::vector<bool> apart)
    : program_(program),
      fusable_(std::move(fusable)),
      apart_(std::move(apart)),
      producer_(program.values.size(), -1),
      loop_of_(program.values.size(), -1),
      stored_(program.code.size(), false),
      waits_(program.code.size(), false) {
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    if (apart_[i]) continue;
    for (const int v : program.code[i].out)
      if (v >= 0) producer_[static_cast<std::size_t>(v)] = static_cast<int>(i);
  }
}

Index Fuser::count(int value) const { return count_of(dims(value).data(), static_cast<int>(dims(value).size())); }

/// Whether it is a view that has no memory of its own.
bool Fuser::is_view(int value) const {
  const int i = producer(value);
  if (i < 0) return false;
  const auto at = static_cast<std::size_t>(i);
  return fusable_[at] && !stored_[at] && kernel_of(code(i)).family == &family::read_strided;
}

/// What a value is a view of, through all of them.
int Fuser::seen(int value) const {
  while (is_view(value)) value = code(producer(value)).in[0];
  return value;
}

Access Fuser::access(int value) const {
  if (is_view(value)) {
    const Instruction& view = code(producer(value));
    if (const auto all = compose(access(view.in[0]), dims(view.in[0]), view, dims(value))) return *all;
  }
  return {false, value, 0, row_major(dims(value))};
}
/// Where the dimensions of a view lie, given those of what it reads.
std::optional<Fuser::Axes> Fuser::alias(const Axes& source, int from, const Instruction& view) const {
  const std::vector<Index>&to = dims(view.out[0]), &in = dims(from);
  if (view.attrs[0] != 0) return std::nullopt;
  const std::vector<Index> row = row_major(in);
  Axes axes(to.size(), -1);
  std::vector<bool> used(in.size(), false);
  for (std::size_t d = 0; d < to.size(); ++d) {
    if (to[d] == 1) continue;
    const auto stride = static_cast<Index>(view.attrs[d + 1]);
    if (stride == 0) {
      axes[d] = kAlike;
      continue;
    }
    std::size_t b = 0;
    while (b < in.size() && (in[b] == 1 || row[b] != stride)) ++b;
    if (b == in.size() || used[b] || in[b] != to[d]) return std::nullopt;
    used[b] = true;
    axes[d] = source[b];
  }
  for (std::size_t b = 0; b < in.size(); ++b)
    if (in[b] > 1 && !used[b]) return std::nullopt;
  return axes;
}

/// The axes of a value that each round has, through views.
std::optional<Fuser::Axes> Fuser::axes_in(const FusedLoop& loop, int value) const {
  if (const auto at = loop.axes.find(value); at != loop.axes.end()) return at->second;
  if (!is_view(value)) return std::nullopt;
  const Instruction& view = code(producer(value));
  const auto source = axes_in(loop, view.in[0]);
  return source ? alias(*source, view.in[0], view) : std::nullopt;
}

/// Whether a value is a few additions and multiplications of values that are much smaller.
bool Fuser::cheap(int value, int depth) const {
  const int i = producer(value);
  if (i < 0 || depth == 0 || !fusable_[static_cast<std::size_t>(i)]) return false;
  const Instruction& c = code(i);
  if (kernel_of(c).family != &family::map || !is_cheap(kernel_of(c).map)) return false;
  return std::all_of(c.in.begin(), c.in.end(), [&](int v) { return 2 * count(seen(v)) <= count(value) || cheap(seen(v), depth - 1); });
}

/// Computes again what an instruction reads and the loop does not have, where that is cheap.
void Fuser::bring_cheap(FusedLoop& loop, const Instruction& c, int depth) const {
  if (depth == kDepth) return;
  for (const int v : c.in)
    if (!axes_in(loop, v) && !loop.axes.contains(seen(v)) && cheap(seen(v), kDepth - depth)) join(loop, producer(seen(v)), depth + 1);
}

/// A sum over a few elements is there within the round if these are written out.
bool Fuser::finish_sums(FusedLoop& loop, const Instruction& c) const {
  for (const int v : c.in) {
    const int sum = seen(v);
    const auto late = loop.reduced.find(sum);
    if (late == loop.reduced.end()) continue;
    const auto of =
        std::find_if(loop.members.begin(), loop.members.end(), [&](const auto& m) { return code(m.instruction).out[0] == sum; });
    Axes gone;
    for (const double d : code(of->instruction).attrs)
      if (const int a = of->at[static_cast<std::size_t>(d)]; a >= 0) gone.push_back(a);
    if (!write_out(loop, gone)) return false;
    loop.axes[sum] = late->second;
    loop.reduced.erase(late);
  }
  return true;
}

/// Where the dimensions of an instruction lie; the loop gets those that are new, to be written out.
bool Fuser::find_axes(FusedLoop& loop, const Instruction& c, const std::vector<Index>& space, Axes& at) const {
  bool any = false;
  at.assign(space.size(), -1);
  for (const int v : c.in) {
    const auto axes = axes_in(loop, v);
    if (!axes) continue;
    any = true;
    if (!unify(at, *axes)) return false;
  }
  if (!any) at = in_order(loop, space);
  Axes added;
  for (std::size_t d = 0; d < space.size(); ++d) {
    if (space[d] == 1) continue;
    if (at[d] >= 0) {
      if (loop.extent[static_cast<std::size_t>(at[d])] != space[d]) return false;
      continue;
    }
    at[d] = static_cast<int>(loop.extent.size());
    added.push_back(at[d]);
    loop.extent.push_back(space[d]);
    loop.inner.push_back(false);
  }
  return (added.empty() || write_out(loop, added)) && covers(loop, at);
}

/// Makes an instruction part of a loop, or leaves the loop as it was.
bool Fuser::join(FusedLoop& loop, int i, int depth) const {
  const Instruction& c = code(i);
  FusedLoop tried = loop;
  if (!reals_of(program_, c, tried.real)) return false;
  if (!finish_sums(tried, c)) return false;
  bring_cheap(tried, c, depth);
  Axes at;
  if (!find_axes(tried, c, dims(is_reduction(c) ? c.in[0] : c.out[0]), at)) return false;
  add(tried, i, std::move(at));
  if (size(tried) > kLargest || operands(tried) > kFusedOperands) return false;
  loop = std::move(tried);
  return true;
}

void Fuser::add(FusedLoop& loop, int i, Axes at) const {
  const Instruction& c = code(i);
  FusedLoop::Member member{.instruction = i, .at = std::move(at), .reads = {}, .cost = is_complex(c.column) ? kComplex : 1};
  for (const int v : c.in) {
    if (axes_in(loop, v))
      member.reads.push_back({.inside = true, .value = seen(v)});
    else
      member.reads.push_back(access(v));
  }
  if (!is_reduction(c)) {
    loop.axes[c.out[0]] = member.at;
  } else {
    const bool keeps = dims(c.out[0]).size() == member.at.size();
    Axes left;
    for (std::size_t d = 0; d < member.at.size(); ++d) {
      const bool gone = std::find(c.attrs.begin(), c.attrs.end(), static_cast<double>(d)) != c.attrs.end();
      if (!gone || keeps) left.push_back(gone ? -1 : member.at[d]);
    }
    loop.reduced[c.out[0]] = std::move(left);
  }
  loop.members.push_back(std::move(member));
}
}  // namespace backsolve
