#include "fused_nodes.h"

#include <algorithm>

namespace backsolve {
Expressions::Expressions(const Planner& planner, const Program& program, const FusedLoop& loop, const std::vector<bool>& stored)
    : real(loop.real.value_or(planner.width() * 8 == planner.isa().bytes ? DType::f64 : DType::f32)),
      planner_(planner),
      program_(program),
      loop_(loop) {
  for (std::size_t a = 0; a < loop.extent.size(); ++a) {
    if (loop.inner[a]) continue;
    walked_.push_back(static_cast<int>(a));
    extent.push_back(loop.extent[a]);
  }
  std::vector<int> outputs;
  for (const auto& m : loop.members) {
    const int v = program.code[at(m.instruction)].out[0];
    if (stored[at(v)] && !m.again) outputs.push_back(v);
    made_[v] = &m;
  }
  for (const int v : outputs) add_roots(v);
}

int Expressions::add(Node node) {
  nodes.push_back(std::move(node));
  return static_cast<int>(nodes.size()) - 1;
}

int Expressions::apply(int which, std::vector<int> args) {
  const auto [known, fresh] = applied_.emplace(std::pair(which, args), static_cast<int>(nodes.size()));
  if (fresh) add({.what = Node::map, .which = which, .args = std::move(args)});
  return known->second;
}
/// A function of complex numbers, from all their parts.
int Expressions::call(Map map, std::vector<int> args, int part) {
  const auto [known, fresh] = called_.emplace(std::pair(static_cast<int>(map), args), static_cast<int>(nodes.size()));
  if (fresh) {
    const int real = add({.what = Node::call, .which = static_cast<int>(map), .args = std::move(args)});
    add({.what = Node::other, .args = {real}});
  }
  return known->second + part;
}
int Expressions::integer(Index n) {
  const auto [known, fresh] = integers_.emplace(n, static_cast<int>(nodes.size()));
  if (fresh) add({.what = Node::integer, .behind = n});
  return known->second;
}

/// Where an element is, `index` along the axes that are written out.
std::pair<int, Index> Expressions::operand(int value, Index offset, const std::vector<Index>& stride, const Axes& axes,
                                           const std::vector<Index>& index) {
  Operand o{value, std::vector<Index>(walked_.size(), 0)};
  for (std::size_t d = 0; d < axes.size(); ++d) {
    if (axes[d] < 0) continue;
    const auto w = std::find(walked_.begin(), walked_.end(), axes[d]);
    if (w == walked_.end())
      offset += index[at(axes[d])] * stride[d];
    else
      o.stride[static_cast<std::size_t>(w - walked_.begin())] += stride[d] * bytes(value);
  }
  const auto same = [&](const Operand& p) { return p.value == value && p.stride == o.stride; };
  const auto found = std::find_if(operands.begin(), operands.end(), same);
  const auto number = static_cast<int>(found - operands.begin());
  if (found == operands.end()) operands.push_back(std::move(o));
  return {number, offset * bytes(value)};
}

int Expressions::leaf(int value, Index offset, const std::vector<Index>& stride, const Axes& axes, const std::vector<Index>& index,
                      int part) {
  auto place = operand(value, offset, stride, axes, index);
  place.second += part_bytes(part);
  const auto [known, fresh] = leaf_of_.emplace(place, static_cast<int>(nodes.size()));
  if (fresh) {
    const DType t = type(value).dtype;
    add({.what = t == DType::b8    ? Node::mask
                 : t == DType::i32 ? Node::word
                                   : Node::memory,
         .operand = place.first,
         .behind = place.second});
  }
  return known->second;
}

int Expressions::argument(const FusedLoop::Member& m, std::size_t i, const std::vector<Index>& index, int part) {
  const Access& read = m.reads[i];
  if (read.inside) return node(read.value, index, part);
  const int viewed = program_.code[at(m.instruction)].in[i];
  const std::vector<Index>& dims = type(viewed).dims;
  Axes axes(dims.size(), -1);
  for (std::size_t d = 0; d < dims.size(); ++d)
    if (dims[d] > 1) axes[d] = m.at[m.at.size() - dims.size() + d];
  return leaf(read.value, read.offset, read.stride, axes, index, part);
}

template <class F>
void Expressions::each_round(const Axes& axes, std::vector<Index> index, F&& f) const {
  Axes inner;
  for (const int a : axes)
    if (a >= 0 && loop_.inner[at(a)]) inner.push_back(a);
  for (const int a : inner) index[at(a)] = 0;
  for (;;) {
    f(index);
    std::size_t d = inner.size();
    while (d > 0 && ++index[at(inner[d - 1])] == loop_.extent[at(inner[d - 1])]) index[at(inner[--d])] = 0;
    if (d == 0) return;
  }
}

/// All that a reduction combines within a round.
int Expressions::combine(const FusedLoop::Member& m, const std::vector<Index>& index, int part) {
  const Instruction& c = program_.code[at(m.instruction)];
  constexpr Map kMaps[] = {Map::add, Map::maximum, Map::minimum};
  Axes gone;
  for (const double d : c.attrs) gone.push_back(m.at[static_cast<std::size_t>(d)]);
  int all = -1;
  each_round(gone, index, [&](const std::vector<Index>& round) {
    const int one = argument(m, 0, round, part);
    if (all < 0) {
      all = one;
      return;
    }
    all = apply(kMaps[static_cast<int>(kernel_of(c).reduce)], {all, one});
  });
  return all;
}

int Expressions::node(int value, const std::vector<Index>& index, int part) {
  const FusedLoop::Member& m = *made_.at(value);
  std::vector<Index> of(index.size(), 0);
  for (const int a : loop_.axes.at(value))
    if (a >= 0 && loop_.inner[at(a)]) of[at(a)] = index[at(a)];
  const auto key = std::make_tuple(value, of, part);
  if (const auto known = node_of_.find(key); known != node_of_.end()) return known->second;
  const int made = is_reduction(program_.code[at(m.instruction)]) ? combine(m, of, part) : mapped(m, of, part);
  return node_of_[key] = made;
}

void Expressions::add_roots(int value) {
  const FusedLoop::Member& m = *made_.at(value);
  const auto late = loop_.reduced.find(value);
  const Axes& axes = late != loop_.reduced.end() ? late->second : loop_.axes.at(value);
  const std::vector<Index> stride = row_major(type(value).dims);
  const Reduce reduce = kernel_of(program_.code[at(m.instruction)]).reduce;
  each_round(axes, std::vector<Index>(loop_.extent.size(), 0), [&](const std::vector<Index>& index) {
    const auto [to, behind] = operand(value, 0, stride, axes, index);
    for (int part = 0; part < (is_complex(type(value).dtype) ? 2 : 1); ++part) {
      const int n = late != loop_.reduced.end() ? combine(m, index, part) : node(value, index, part);
      roots.push_back({value, n, to, behind + part_bytes(part), late != loop_.reduced.end() ? static_cast<int>(reduce) : -1});
    }
  });
}

}  // namespace backsolve
