// Householder's QR of one real matrix, by columns in strips (../../packed/qr.h). A strip is brought up to date with those before it when
// its turn comes, while it is in the cache (left-looking); a large matrix over the pool the other way, in the same order for each strip, so
// that bits are the same.
#pragma once
#include <algorithm>
#include <atomic>

#include "tiles.h"

namespace backsolve::la {

/// Columns side by side from the first strip on; the last is as wide as they need.
template <class R>
struct Strips {
  R* data;
  Index columns, height;

  static Index full() { return packed::kernels<R>().strip; }
  Index count() const { return (columns + full() - 1) / full(); }
  Index held(Index q) const { return std::min(full(), columns - q * full()); }
  Index width(Index q) const {
    const Index vector = packed::kernels<R>().vector;
    return (held(q) + vector - 1) / vector * vector;
  }
  R* at(Index q) const { return data + q * full() * height; }
};

/// A = Q R of m rows, `reflections` <= m columns, and more columns, which become Qᵀ times them: beside them where `near`, which is for
/// numbers of a size with those of A, or in strips of their own.
template <class R>
class StripQr {
 public:
  StripQr(R* room, Index m, Index reflections, Index more, bool near)
      : rows_(m),
        reflections_(reflections),
        head_{room, reflections + (near ? more : 0), m + packed::kRowsBelow},
        tail_{head_.data + size(head_), near ? 0 : more, head_.height},
        own_(tail_.data + size(tail_)),
        triangles_(own_ + head_.height * Strips<R>::full()),
        r_(triangles_ + panels() * square()) {}

  /// load(j, columns, to, width) writes so many columns from j on, of A and of those behind it, into rows of `width`, zeros behind them.
  /// False where squares are beyond what kernels take; nothing is then there.
  template <class Load>
  bool factor(const Load& load) const {
    const Index heads = head_.count(), all = heads + tail_.count();
    const auto fill = [&](Index q) {
      const bool first = q < heads;
      const Strips<R>& in = first ? head_ : tail_;
      const Index at = first ? q : q - heads, width = in.width(at);
      load((first ? 0 : head_.columns) + at * Strips<R>::full(), in.held(at), in.at(at), width);
      std::fill_n(in.at(at) + rows_ * width, packed::kRowsBelow * width, R(0));
    };
    if (pool::size() > 1 && large(rows_, head_.columns + tail_.columns, reflections_)) return factor_over_pool(all, fill);
    for (Index q = 0; q < all; ++q) {
      fill(q);
      for (Index p = 0; p < std::min(q, panels()); ++p) reflect(p, q);
      if (q < panels() && !panel(q)) return false;
    }
    return true;
  }

  /// Takes reflections that are given, their vectors below the diagonal of what `load` writes, as above. False where these are so large
  /// that products of them may be beyond what a kernel takes.
  template <class Load>
  bool take(const R* tau, const Load& load) const {
    constexpr R kLarge = sizeof(R) == 8 ? R(0x1p100) : R(0x1p20);
    for (Index q = 0; q < panels(); ++q) {
      const Index full = Strips<R>::full(), first = q * full, width = head_.width(q), columns = head_.held(q);
      R* const at = head_.at(q);
      load(first, columns, at, width);
      std::fill_n(at + rows_ * width, packed::kRowsBelow * width, R(0));
      const auto& kernels = packed::kernels<R>();
      kernels.qr_given(at + first * width, width, rows_ - first, columns, tau + first, triangles_ + q * square());
      if (!(kernels.largest(rows_ - first, width, at + first * width, width) <= kLarge)) return false;
    }
    return true;
  }

  /// R, and what follows it: the first rows of A's columns and those of the others that are not near.
  void copy_r(Matrix<R> r) const {
    for (Index q = 0; q < panels(); ++q) {
      const Index first = q * Strips<R>::full(), columns = std::min(head_.held(q), reflections_ - first), width = head_.width(q);
      for (Index i = 0; i < std::min(first, r.rows); ++i) std::copy_n(head_.at(q) + i * width, columns, &r(i, first));
      for (Index i = 0; i < columns; ++i) std::copy_n(r_ + q * square() + i * Strips<R>::full(), columns, &r(first + i, first));
      for (Index i = first + columns; i < r.rows; ++i) std::fill_n(&r(i, first), columns, R(0));
    }
    for (Index q = 0; q < tail_.count(); ++q)
      for (Index i = 0; i < r.rows; ++i)
        std::copy_n(tail_.at(q) + i * tail_.width(q), tail_.held(q), &r(i, head_.columns + q * Strips<R>::full()));
  }
  /// The first rows of the columns that are near.
  void copy_near(Matrix<R> to) const {
    const Index full = Strips<R>::full();
    for (Index j = 0; j < to.cols; ++j) {
      const Index q = (reflections_ + j) / full, at = (reflections_ + j) % full, width = head_.width(q);
      for (Index i = 0; i < to.rows; ++i) to(i, j) = head_.at(q)[i * width + at];
    }
  }
  /// The first columns of Q, as many as `to` has.
  void form(Matrix<R> to) const {
    const Strips<R> all{nullptr, to.cols, head_.height};
    const auto strip = [&](Index q, R* c) {
      const Index width = all.width(q), first = q * Strips<R>::full();
      std::fill_n(c, head_.height * width, R(0));
      for (Index i = 0; i < all.held(q); ++i) c[(first + i) * width + i] = 1;
      apply(std::min(q + 1, panels()), first, c, width);
      for (Index i = 0; i < to.rows; ++i) std::copy_n(c + i * width, all.held(q), &to(i, first));
    };
    constexpr Index kMost = (Index{2} << 20) / sizeof(R);  // that packed_room may keep
    const Index own = head_.height * Strips<R>::full();
    if (pool::size() > 1 && own <= kMost && large(rows_, to.cols, reflections_))
      return pool::parallel(all.count(), 0, [&](Index q) { strip(all.count() - 1 - q, core::packed_room<R>(own)); });
    for (Index q = 0; q < all.count(); ++q) strip(q, own_);
  }
  /// C := Q [C; 0], all of whose rows are written.
  void multiply(Matrix<R> c) const {
    const Strips<R> all{nullptr, c.cols, head_.height};
    for (Index q = 0; q < all.count(); ++q) {
      const Index width = all.width(q), first = q * Strips<R>::full();
      packed::kernels<R>().qr_load(false, c.rows, all.held(q), &c(0, first), c.stride, own_, width);
      std::fill_n(own_ + c.rows * width, (head_.height - c.rows) * width, R(0));
      apply(panels(), 0, own_, width);
      for (Index i = 0; i < c.rows; ++i) std::copy_n(own_ + i * width, all.held(q), &c(i, first));
    }
  }

 private:
  Index rows_, reflections_;
  Strips<R> head_, tail_;
  R *own_, *triangles_, *r_;

  static Index size(const Strips<R>& s) {
    return s.count() == 0 ? 0 : ((s.count() - 1) * Strips<R>::full() + s.width(s.count() - 1)) * s.height;
  }
  static Index square() { return Strips<R>::full() * Strips<R>::full(); }
  Index panels() const { return (reflections_ + Strips<R>::full() - 1) / Strips<R>::full(); }

  packed::Reflections<R> reflections(Index p) const {
    const Index full = Strips<R>::full(), first = p * full, width = head_.width(p);
    return {head_.at(p) + first * width, width, rows_ - first, std::min(full, reflections_ - first), triangles_ + p * square()};
  }
  bool panel(Index q) const {
    const Index first = q * Strips<R>::full(), width = head_.width(q);
    return packed::kernels<R>().qr_panel(head_.at(q) + first * width, width, rows_ - first,
                                         std::min(Strips<R>::full(), reflections_ - first), r_ + q * square(), triangles_ + q * square());
  }
  /// Strip q, counted through both, becomes Qᵀ of panel p times it.
  void reflect(Index p, Index q) const {
    const bool first = q < head_.count();
    const Strips<R>& in = first ? head_ : tail_;
    const Index at = first ? q : q - head_.count(), width = in.width(at);
    packed::kernels<R>().qr_reflect(reflections(p), true, 0, in.at(at) + p * Strips<R>::full() * width, width);
  }
  /// C := H_0 ... H_(count-1) C of blocks; rows above `zeros` are of zeros.
  void apply(Index count, Index zeros, R* c, Index width) const {
    for (Index p = count; p-- > 0;) {
      const Index first = p * Strips<R>::full();
      packed::kernels<R>().qr_reflect(reflections(p), false, std::max<Index>(std::min(zeros - first, Strips<R>::full()), 0),
                                      c + first * width, width);
    }
  }
  /// With the strip that follows its panel is factored, while others are brought up to date.
  template <class Fill>
  bool factor_over_pool(Index all, const Fill& fill) const {
    std::atomic<bool> good = true;
    pool::parallel(all, 0, fill);
    good = panel(0);
    for (Index p = 0; p < panels() && good; ++p) {
      pool::parallel(all - p - 1, 0, [&](Index chunk) {
        reflect(p, p + 1 + chunk);
        if (chunk == 0 && p + 1 < panels() && !panel(p + 1)) good = false;
      });
    }
    return good;
  }
};

/// Whether a QR of m x n is computed so, and the workspace of one.
template <class T>
bool uses_strips([[maybe_unused]] Index m, [[maybe_unused]] Index n) {
  if constexpr (kComplex<T>)
    return false;
  else
    return std::min(m, n) > 0 && m * n <= packed::kernels<T>().limits.qr;
}
constexpr Index strip_room(Index m, Index reflections, Index more) {
  constexpr Index kWide = packed::kWidestStrip;
  return (m + packed::kRowsBelow) * (reflections + more + 3 * kWide) + 2 * kWide * (reflections + kWide);
}

}  // namespace backsolve::la
