// Levinson's recursion for equations with a general Toeplitz matrix (Golub and Van Loan 2013, section 4.7), in planes of real and imaginary
// parts. Loops go over whole blocks of kToeplitzPad numbers: zeros stand behind the vectors.
#pragma once
#include "../lanes/vector/pieces.h"
#include "packed.h"

namespace backsolve::BS_ISA {

template <bool Complex>
struct Levinson {
  using V = Vec<double>;
  static constexpr int kBlock = packed::kToeplitzPad, kVectors = kBlock / W<double>;
  struct Number {
    double re, im;
    BS_INLINE Number operator*(Number b) const {
      return Complex ? Number{re * b.re - im * b.im, re * b.im + im * b.re} : Number{re * b.re, 0};
    }
    BS_INLINE double square() const { return re * re + im * im; }
    BS_INLINE Number inverse() const {
      const double d = square();
      return Complex ? Number{re / d, -im / d} : Number{1 / re, 0};
    }
  };
  struct Part {
    V re, im;
    BS_INLINE Part minus(Number f, Part x) const {
      if constexpr (Complex) return {re - f.re * x.re + f.im * x.im, im - f.re * x.im - f.im * x.re};
      return {re - f.re * x.re, im};
    }
    BS_INLINE Part times(Number f) const {
      if constexpr (Complex) return {re * f.re - im * f.im, re * f.im + im * f.re};
      return {re * f.re, im};
    }
  };
  static BS_INLINE Part part(double* const* x, Index i) { return {loadu<double>(x[0] + i), Complex ? loadu<double>(x[1] + i) : V{}}; }
  static BS_INLINE void keep(double* const* x, Index i, Part p) {
    storeu<double>(x[0] + i, p.re);
    if constexpr (Complex) storeu<double>(x[1] + i, p.im);
  }
  static BS_INLINE Number at(const double* const* x, Index i) { return {x[0][i], Complex ? x[1][i] : 0}; }
  static BS_INLINE void put(double* const* x, Index i, Number v) {
    x[0][i] = v.re;
    if constexpr (Complex) x[1][i] = v.im;
  }

  struct Sum {
    Part of[kVectors] = {};
    BS_INLINE void add(const double* const* a, Index i, const double* const* x, Index j) {
      BS_UNROLL for (int v = 0; v < kVectors; ++v, i += W<double>, j += W<double>) {
        const V p = loadu<double>(a[0] + i), q = loadu<double>(x[0] + j);
        of[v].re += p * q;
        if constexpr (Complex) {
          const V s = loadu<double>(a[1] + i), t = loadu<double>(x[1] + j);
          of[v].re -= s * t;
          of[v].im += p * t;
          of[v].im += s * q;
        }
      }
    }
    BS_INLINE Number total() const {
      V re = of[0].re, im = of[0].im;
      for (int v = 1; v < kVectors; ++v) re += of[v].re, im += of[v].im;
      Number sum{0, 0};
      BS_SCALAR for (int i = 0; i < W<double>; ++i) sum.re += re[i], sum.im += im[i];
      return sum;
    }
  };
  static __attribute__((noinline)) Number dot(const double* const* a, Index i, const double* const* x, Index count) {
    Sum sum;
    for (Index j = 0; j < count; j += kBlock) sum.add(a, i + j, x, j);
    return sum.total();
  }

  // Of the leading m x m: F the first column of the inverse, L the last. Row m of the next has ε = Σ t_m-j F_j, its first row η = Σ t_-1-j
  // L_j: F := ([F; 0] - ε [0; L]) / (1 - ε η), L := ([0; L] - η [F; 0]) / (1 - ε η), X := [X; 0] + (y_m - Σ t_m-j X_j) L.
  static bool run(const packed::Toeplitz& s) {
    const Index n = s.n;
    const double* const* const t = s.t;
    double *const f[] = {s.first[0], s.first[1]}, *const l[] = {s.last[0], s.last[1]};
    for (int p = 0; p < 1 + Complex; ++p) {
      for (Index i = 0; i < n + kBlock; ++i) f[p][i] = 0;
      for (Index i = 0; i < 2 * n + kBlock; ++i) l[p][i] = 0;
      for (Index i = 0; i < s.columns * s.stride; ++i) s.x[p][i] = 0;
    }
    const Number one = at(t, n - 1).inverse();
    put(f, 0, one);
    put(l, n - 1, one);
    for (Index c = 0; c < s.columns; ++c) put(s.x, c * s.stride, at(s.y, c * s.stride) * one);
    for (Index m = 1; m < n; ++m) {
      Sum down, right;
      for (Index j = 0; j < m; j += kBlock) {
        down.add(t, n - 1 - m + j, f, j);
        right.add(t, n + j, l, n - m + j);
      }
      const Number e = down.total(), h = right.total(), eh = e * h, d{1 - eh.re, -eh.im};
      if (!(d.square() > 0x1p-80)) return false;
      const Number by = d.inverse();
      const Index from = n - 1 - m;
      for (Index j = 0; j <= m; j += W<double>) {
        const Part p = part(f, j), q = part(l, from + j);
        keep(f, j, p.minus(e, q).times(by));
        keep(l, from + j, q.minus(h, p).times(by));
      }
      for (Index c = 0; c < s.columns; ++c) {
        const Index at_c = c * s.stride;
        double* const x[] = {s.x[0] + at_c, Complex ? s.x[1] + at_c : nullptr};
        const Number y = at(s.y, at_c + m), have = dot(t, from, x, m), missing{have.re - y.re, have.im - y.im};
        for (Index j = 0; j <= m; j += W<double>) keep(x, j, part(x, j).minus(missing, part(l, from + j)));
      }
    }
    return true;
  }
  static void residual(const packed::Toeplitz& s, double* const* r) {
    for (Index c = 0; c < s.columns; ++c) {
      const Index at_c = c * s.stride;
      const double* const x[] = {s.x[0] + at_c, Complex ? s.x[1] + at_c : nullptr};
      for (Index i = 0; i < s.n; ++i) {
        const Number y = at(s.y, at_c + i), have = dot(s.t, s.n - 1 - i, x, s.n);
        put(r, at_c + i, {y.re - have.re, y.im - have.im});
      }
    }
  }
};

static bool levinson(const packed::Toeplitz& s) { return s.complex ? Levinson<true>::run(s) : Levinson<false>::run(s); }
static void toeplitz_residual(const packed::Toeplitz& s, double* const* r) {
  s.complex ? Levinson<true>::residual(s, r) : Levinson<false>::residual(s, r);
}

}  // namespace backsolve::BS_ISA
