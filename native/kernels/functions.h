// Functions of lower triangular matrices: what functions of general matrices, and their derivatives, come down to. In double precision
// whatever the dtype, since that is what the methods' constants are made for. docs/derivations/functions.md
#pragma once
#include <complex>

#include "kernel.h"

namespace backsolve::ops {

using Cx = std::complex<double>;

/// The eigenvalue, counted from 1, that an answer does not exist for; 0: it does.
using Bad = Index;

/// Room of matrices of n x n and vectors of n.
struct TriangularWork {
  static constexpr int kMatrices = 5, kVectors = 3;
  Matrix<Cx> m[kMatrices];
  Cx* v[kVectors];
  TriangularWork(Arena& arena, Index n) {
    for (auto& x : m) x = arena.matrix<Cx>(n, n);
    for (auto& x : v) x = arena.take<Cx>(n);
  }
};

/// The rounding in L.
struct Noise {
  double axis = 0;  // eigenvalues within it of the negative axis are above it, so that equal ones have equal roots and logarithms
  double zero = 0;  // what is within it is zero where a sum of zero divides it
};

// All in place of L.
/// R with R² = L (Björck & Hammarling 1983), by halves (Deadman, Higham & Ralha 2013).
Bad triangular_root(Matrix<Cx> l, Noise noise);
/// log L by inverse scaling and squaring (Al-Mohy & Higham 2012).
Bad triangular_log(Matrix<Cx> l, double axis, const TriangularWork& work);
/// Lᵖ by the Schur-Padé method (Higham & Lin 2013).
Bad triangular_power(Matrix<Cx> l, double p, double axis, const TriangularWork& work);
/// sign L (Higham 2008, algorithm 5.5), of which no eigenvalue may be on the imaginary axis, to within `axis` of its size.
Bad triangular_sign(Matrix<Cx> l, double axis, const TriangularWork& work);
/// X with R X + X S = E in place of E. Where a sum of eigenvalues is zero, what it divides must be zero, to within that.
Bad triangular_sylvester(Matrix<const Cx> r, Matrix<const Cx> s, Matrix<Cx> e, double zero);

}  // namespace backsolve::ops
