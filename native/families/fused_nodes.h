// The expressions of a loop, written out for the axes that are not walked, common ones once.
#pragma once
#include <tuple>

#include "fused.h"
#include "fused_symbols.h"

namespace backsolve {

inline std::size_t at(int i) { return static_cast<std::size_t>(i); }

class Expressions {
 public:
  struct Node {
    // word: int32; apart, pair: numbers of one item that are not side by side, or beside the other part of complex ones; integer: the
    // number `behind`; call: the real part of a function of complex numbers; other: the imaginary part of that, its argument, the node
    // before it
    enum What { memory, mask, word, map, apart, pair, integer, call, other } what;
    int which = -1;              // Map, of integers kWords more
    std::vector<int> args = {};  // nodes
    int operand = -1;
    Index behind = 0;  // bytes
    int uses = 0, kept = -1;
  };
  struct Operand {
    int value;
    std::vector<Index> stride;  // bytes, per walked axis
  };
  struct Root {
    int value, node, operand;
    Index behind;
    int sum;        // Reduce, or -1
    int slot = -1;  // where a tile accumulates, from the first to the last of a row
    // What the other half of a square gets: the same, or its negative, there.
    int image = -1, image_slot = -1;
    bool opposite = false;
  };
  /// `stored`: per value, whether somebody else reads it.
  Expressions(const Planner& planner, const Program& program, const FusedLoop& loop, const std::vector<bool>& stored);

  /// Whether the machine can compute a map of complex numbers by their parts, of bools, or of integers.
  static bool has(Map map, DType column);
  bool is_real() const;  // there are neither complex numbers nor integers

  std::vector<Operand> operands;
  std::vector<Node> nodes;
  std::vector<Root> roots;
  std::vector<Index> extent;  // of the walked axes
  DType real;

 private:
  using Axes = std::vector<int>;
  const Planner& planner_;
  const Program& program_;
  const FusedLoop& loop_;
  std::map<int, const FusedLoop::Member*> made_;
  std::vector<int> walked_;
  std::map<std::tuple<int, std::vector<Index>, int>, int> node_of_;   // values by indices along the axes that are written out, and part
  std::map<std::pair<int, Index>, int> leaf_of_;                      // by operand and place
  std::map<std::pair<int, std::vector<int>>, int> applied_, called_;  // by map and arguments
  std::map<Index, int> integers_;

  const Type& type(int v) const { return program_.values[at(v)]; }
  Index bytes(int v) const { return static_cast<Index>(size_of(type(v).dtype)) * planner_.width(); }
  std::pair<int, Index> operand(int value, Index offset, const std::vector<Index>& stride, const Axes& axes,
                                const std::vector<Index>& index);
  // `part`: 0 of real numbers, of complex ones 0 the real and 1 the imaginary part.
  int leaf(int value, Index offset, const std::vector<Index>& stride, const Axes& axes, const std::vector<Index>& index, int part);
  int node(int value, const std::vector<Index>& index, int part);
  int add(Node node);
  int apply(int which, std::vector<int> args);
  int apply(Map map, std::vector<int> args) { return apply(static_cast<int>(map), std::move(args)); }
  int of_integers(Map map, std::vector<int> args) { return apply(kWords + static_cast<int>(map), std::move(args)); }
  int call(Map map, std::vector<int> args, int part);
  int truth(int number) { return apply(Map::not_equal, {number, integer(0)}); }
  int combine(const FusedLoop::Member& m, const std::vector<Index>& index, int part);
  int argument(const FusedLoop::Member& m, std::size_t i, const std::vector<Index>& index, int part = 0);
  int mapped(const FusedLoop::Member& m, const std::vector<Index>& index, int part);
  int of_parts(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part);
  int truth_of_parts(Map map, const FusedLoop::Member& m, const std::vector<Index>& index);
  int of_bools(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part);
  int of_words(Map map, const FusedLoop::Member& m, const std::vector<Index>& index, int part);
  int integer(Index n);
  Index part_bytes(int part) const { return part * static_cast<Index>(size_of(real)) * planner_.width(); }
  void add_roots(int value);
  template <class F>
  void each_round(const Axes& axes, std::vector<Index> index, F&& f) const;
};

}  // namespace backsolve
