// Loops over a square whose two halves mirror each other: kernel matrices, distances, and what reaches them from symmetric cotangents.
#pragma once
#include "fused_nodes.h"

namespace backsolve {

/// Two axes of a loop such that every value that leaves it is, with the two exchanged, itself or its negative. Only the lower triangle and
/// the diagonal are walked then, and what leaves the loop is written, or added, on both sides.
class Mirror {
 public:
  /// Says for every root of the loop where its mirror image goes, if it pays, and puts the two axes last.
  Mirror(const Planner& planner, Expressions& loop);
  bool halves = false;
  std::vector<Fused::Copy> copies;
  std::vector<int> symmetric;  // values that leave the loop and are so in their last two dimensions

 private:
  const Planner& planner_;
  Expressions& loop_;
  std::size_t row_ = 0, column_ = 0;
  std::map<std::pair<int, int>, int> known_;

  using Node = Expressions::Node;
  using Root = Expressions::Root;
  bool finds_pair();
  bool mirrors(const Root& root);
  bool whole_matrix(const Expressions::Operand& operand, Index behind) const;
  int sign(int a, int b);
  int sign_of_leaves(const Node& a, const Node& b) const;
  int sign_of_maps(const Node& a, const Node& b);
  void find_twins();
  bool twin(int value, int of, int& with_sign);
  bool pays() const;
  void reorder();
  void add_images();
};

}  // namespace backsolve
