// Factorizations by reflections of columns whose sizes have nothing to do with each other: of powers of two D, A D = Q (R D) where A = Q R,
// the same to the last digit, so that each column is taken at a size of its own. docs/derivations/qr.md
#pragma once
#include "least_squares.h"
#include "scaled.h"

namespace backsolve::ops {

template <class T>
class Grades {
  using R = Real<T>;
  R* part_;
  Index count_;

 public:
  Grades(Arena& arena, Index columns) : part_(arena.take<R>(columns)), count_(columns) {}

  /// Of A, finite.
  void look_at(Matrix<const T> a) const {
    std::fill_n(part_, count_, R(0));
    for (Index i = 0; i < a.rows; ++i)
      for (Index j = 0; j < count_; ++j) part_[j] = larger_part(part_[j], a(i, j));
  }
  bool moderate() const {
    return std::all_of(part_, part_ + count_, [](R x) { return power_for(x) == 0; });
  }
  /// Whether every column but zeros, times 2^power, is of size 2^`least` or more.
  bool within(int power, int least) const {
    return std::all_of(part_, part_ + count_, [&](R x) { return x == 0 || std::ilogb(x) + power >= least; });
  }
  /// What column j is multiplied by is 2^this: it comes near 1, or stays as it is where it is moderate.
  int power(Index j) const { return power_for(part_[j]); }
  /// The columns of m, which are those of A from `first` on, times these powers, or over them.
  void multiply(Matrix<T> m, Index first) const { apply(m, first, 1); }
  void divide(Matrix<T> m) const { apply(m, 0, -1); }

 private:
  void apply(Matrix<T> m, Index first, int sign) const {
    for (Index j = 0; j < m.cols; ++j) {
      const int by = sign * power(first + j);
      for (Index i = 0; by != 0 && i < m.rows; ++i) m(i, j) = times_power(m(i, j), by);
    }
  }
};

}  // namespace backsolve::ops
