#include "fused_mirror.h"

#include <algorithm>

namespace backsolve {
namespace {

double cost(Map map) {
  static const std::vector<double> costs = [] {
    std::vector<double> all(static_cast<std::size_t>(Map::count), 1);
    for (const Kernel& k : kernels())
      if (k.family == &family::map) all[static_cast<std::size_t>(k.map)] = k.flops;
    return all;
  }();
  return costs[static_cast<std::size_t>(map)];
}

/// Of f(x) and f(-x), up to the sign of zero; 0: nothing.
int parity(Map map) {
  switch (map) {
    case Map::sin:
    case Map::sinh:
    case Map::tanh:
    case Map::sign:
      return -1;
    case Map::square:
    case Map::abs:
    case Map::cos:
    case Map::cosh:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

Mirror::Mirror(const Planner& planner, Expressions& loop) : planner_(planner), loop_(loop) {
  if (!loop.is_real() || !finds_pair()) return;
  for (const Root& r : loop.roots) {
    const auto& o = loop.operands[at(r.operand)];
    if (!whole_matrix(o, r.behind) || sign(r.node, r.node) != 1) continue;
    // All matrices of the value: those of written-out axes are roots of their own.
    const auto asymmetric = [&](const Root& other) { return other.value == r.value && sign(other.node, other.node) != 1; };
    if (std::none_of(loop.roots.begin(), loop.roots.end(), asymmetric)) symmetric.push_back(r.value);
  }
  find_twins();
  if (loop.operands.size() + loop.roots.size() > kFusedOperands || !pays()) return;
  halves = true;
  reorder();
  add_images();
}

bool Mirror::finds_pair() {
  for (column_ = loop_.extent.size(); column_-- > 1;) {
    for (row_ = column_; row_-- > 0;) {
      if (loop_.extent[row_] != loop_.extent[column_]) continue;
      known_.clear();
      if (std::all_of(loop_.roots.begin(), loop_.roots.end(), [&](const Root& r) { return mirrors(r); })) return true;
    }
  }
  return false;
}

/// Whether one side of what leaves the loop follows from the other.
bool Mirror::mirrors(const Root& root) {
  const int s = sign(root.node, root.node);
  if (s == 1) return true;
  const auto& stride = loop_.operands[at(root.operand)].stride;
  // the negative: of sums alone, and not of all, which is nothing
  return s == -1 && root.sum == static_cast<int>(Reduce::sum) && (stride[row_] != 0 || stride[column_] != 0);
}

/// Whether the two axes are the rows and columns of a value's last two dimensions, or its columns and rows.
bool Mirror::whole_matrix(const Expressions::Operand& operand, Index behind) const {
  const Type& type = planner_.type(operand.value);
  const std::size_t rank = type.dims.size();
  const Index n = loop_.extent[row_];
  if (rank < 2 || type.dims[rank - 1] != n || type.dims[rank - 2] != n) return false;
  const Index element = static_cast<Index>(size_of(type.dtype)) * planner_.width();
  const Index a = operand.stride[row_], b = operand.stride[column_];
  return std::max(a, b) == n * element && std::min(a, b) == element && behind % (n * n * element) == 0;
}

/// b = sign a with the two axes exchanged; 0: neither is known.
int Mirror::sign(int a, int b) {
  const auto key = std::make_pair(a, b);
  if (const auto k = known_.find(key); k != known_.end()) return k->second;
  const Node &x = loop_.nodes[at(a)], &y = loop_.nodes[at(b)];
  const auto negates = [](const Node& n) { return n.what == Node::map && n.which == static_cast<int>(Map::neg); };
  int s = 0;
  if (negates(x))
    s = -sign(x.args[0], b);
  else if (negates(y))
    s = -sign(a, y.args[0]);
  else if (x.what == Node::integer || y.what == Node::integer)
    s = a == b ? 1 : 0;  // one node for each number
  else if (x.what == y.what)
    s = x.what == Node::map ? sign_of_maps(x, y) : sign_of_leaves(x, y);
  return known_[key] = s;
}

int Mirror::sign_of_leaves(const Node& a, const Node& b) const {
  const auto &x = loop_.operands[at(a.operand)], &y = loop_.operands[at(b.operand)];
  if (x.value != y.value || a.behind != b.behind) return 0;
  for (std::size_t d = 0; d < x.stride.size(); ++d)
    if (d != row_ && d != column_ && x.stride[d] != y.stride[d]) return 0;
  if (x.stride[row_] == y.stride[column_] && x.stride[column_] == y.stride[row_]) return 1;
  return x.stride == y.stride && planner_.symmetric(x.value) && whole_matrix(x, a.behind) ? 1 : 0;
}

int Mirror::sign_of_maps(const Node& a, const Node& b) {
  if (a.which != b.which) return 0;
  const auto map = static_cast<Map>(a.which);
  const auto& x = a.args;
  const auto& y = b.args;
  if (x.size() == 1) {
    const int s = sign(x[0], y[0]);
    return s < 0 ? parity(map) : s;
  }
  if (x.size() == 3) {
    const int s = sign(x[1], y[1]);
    return sign(x[0], y[0]) == 1 && sign(x[2], y[2]) == s ? s : 0;
  }
  const int s = sign(x[0], y[0]), t = sign(x[1], y[1]), crossed = sign(x[0], y[1]), back = sign(x[1], y[0]);
  switch (map) {
    case Map::add:
      if (s != 0 && s == t) return s;
      return crossed == back ? crossed : 0;
    case Map::sub:
      if (s != 0 && s == t) return s;
      return crossed == back ? -crossed : 0;
    case Map::mul:
    case Map::scale:
      return s * t != 0 ? s * t : crossed * back;
    case Map::div:
    case Map::unscale:
      return s * t;
    case Map::maximum:
    case Map::minimum:
      return (s == 1 && t == 1) || (crossed == 1 && back == 1) ? 1 : 0;
    default:
      return s == 1 && t == 1 ? 1 : 0;
  }
}

/// Whether a value is, element by element in memory, another or its negative: sums along the rows of what is mirrored in the columns of the
/// other.
bool Mirror::twin(int value, int of, int& with_sign) {
  with_sign = 0;
  for (const Root& r : loop_.roots) {
    if (r.value != value) continue;
    std::vector<Index> stride = loop_.operands[at(r.operand)].stride;
    if (r.sum < 0 || stride[row_] == stride[column_]) return false;
    std::swap(stride[row_], stride[column_]);
    const auto matches = [&](const Root& other) {
      if (other.value != of || other.sum != r.sum || other.behind != r.behind || loop_.operands[at(other.operand)].stride != stride)
        return false;
      const int s = sign(other.node, r.node);
      if (s == 0 || (s < 0 && r.sum != static_cast<int>(Reduce::sum)) || s * with_sign < 0) return false;
      with_sign = s;
      return true;
    };
    if (std::none_of(loop_.roots.begin(), loop_.roots.end(), matches)) return false;
  }
  return with_sign != 0;
}

/// Sums that others have already, as both differences of a distance get: they are copied when the loop has run.
void Mirror::find_twins() {
  const std::vector<Root> all = loop_.roots;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const int value = all[i].value;
    const auto there = [&](const Root& r) { return r.value == value; };
    if (std::none_of(loop_.roots.begin(), loop_.roots.end(), there)) continue;
    for (std::size_t j = 0; j < i; ++j) {
      int s = 0;
      if (all[j].value == value || planner_.place(all[j].value).count != planner_.place(value).count || !twin(value, all[j].value, s))
        continue;
      copies.push_back({all[j].operand, all[i].operand, planner_.place(value).count, s < 0});
      std::erase_if(loop_.roots, there);
      break;
    }
  }
}

/// What is saved against what is written twice.
bool Mirror::pays() const {
  constexpr double kImage = 1.5, kScattered = 24;  // operations of a tile; of one item, element by element into a column
  const bool flat = planner_.width() == 1;
  const Index n = loop_.extent[column_];
  const Index unit = flat ? planner_.isa().bytes / static_cast<Index>(size_of(loop_.real)) : 1;
  Index tile = unit;
  for (int t = 1; t < kFusedTiles && 2 * tile <= n; ++t) tile *= 2;
  double half = 0;
  for (Index i = 0; i < n; ++i) half += static_cast<double>(i / tile + 1);
  const auto full = static_cast<double>(n * ((n + tile - 1) / tile));
  double work = 0, images = 0;
  for (const Node& x : loop_.nodes) work += x.what == Node::map ? cost(static_cast<Map>(x.which)) : 0;
  for (const Root& r : loop_.roots) {
    const auto& stride = loop_.operands[at(r.operand)].stride;
    images += flat && stride[row_] != 0 && stride[column_] != 0 ? kScattered : kImage;
  }
  return n >= tile && work * (full - half) > images * half;
}

/// The rows, then the columns, last.
void Mirror::reorder() {
  const auto moved = [&](const std::vector<Index>& of) {
    std::vector<Index> to;
    for (std::size_t d = 0; d < of.size(); ++d)
      if (d != row_ && d != column_) to.push_back(of[d]);
    to.push_back(of[row_]);
    to.push_back(of[column_]);
    return to;
  };
  for (auto& o : loop_.operands) o.stride = moved(o.stride);
  loop_.extent = moved(loop_.extent);
  column_ = loop_.extent.size() - 1;
  row_ = column_ - 1;
}

void Mirror::add_images() {
  known_.clear();
  for (Root& r : loop_.roots) {
    r.opposite = sign(r.node, r.node) < 0;
    Expressions::Operand image = loop_.operands[at(r.operand)];
    std::swap(image.stride[row_], image.stride[column_]);
    const auto same = [&](const auto& o) { return o.value == image.value && o.stride == image.stride; };
    const auto found = std::find_if(loop_.operands.begin(), loop_.operands.end(), same);
    r.image = static_cast<int>(found - loop_.operands.begin());
    if (found == loop_.operands.end()) loop_.operands.push_back(std::move(image));
  }
}

}  // namespace backsolve
