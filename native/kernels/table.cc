// The kernel table. To add a kernel: write it, declare it in ops/ops.h (or lanes/lanes.h), add one line here.
#include "table.h"

#include <algorithm>
#include <cstring>

#include "../families/families.h"
#include "ops.h"

namespace backsolve {
namespace {

using SignatureOf = const char* (*)(const double* attrs);
using LanesOf = LanesKernel (LanesTable::*)[kFloatTypes];

struct Single {
  SingleKernel kernel[kFloatTypes];
  ScratchSize scratch;
};
#define BS_SINGLE(f) (Single{{f<float>, f<double>, f<std::complex<float>>, f<std::complex<double>>}, f##_scratch})

struct InLanes {
  LanesOf kernel = nullptr;
  ScratchSize scratch = nullptr;
  Index max = kMaxLanesSize, narrow_max = kMaxLanesSize;  // lanes_max
  bool declines = false;
};
/// Of lanes kernels: one operand, or LU factors with pivots.
std::size_t lanes_bytes(DType t, Index count, int width) {
  return (static_cast<std::size_t>(count) * size_of(t) * static_cast<std::size_t>(width) + 63) / 64 * 64;
}
std::size_t right_side_lanes(const Index* d, const double*, DType t, int width) { return lanes_bytes(t, d[0] * d[1], width); }
std::size_t square_lanes(const Index* d, const double*, DType t, int width) { return lanes_bytes(t, d[0] * d[0], width); }
std::size_t factors_lanes(const Index* d, const double* attrs, DType t, int width) {
  return square_lanes(d, attrs, t, width) + lanes_bytes(DType::i32, d[0], width);
}

constexpr int length(const char* s) {
  int n = 0;
  while (s[n] != 0) ++n;
  return n;
}
/// [A, B; √λ I, 0], the heads of the reflections, their factors and the bounds of the inverse.
std::size_t least_squares_lanes(const Index* d, const double*, DType t, int width) {
  const Index least = std::min(d[0], d[1]), side = d[0] + d[1];
  return lanes_bytes(t, side * (least + d[2]), width) + 3 * lanes_bytes(t, least, width);
}
std::size_t least_squares_vjp_lanes(const Index* d, const double*, DType t, int width) {
  return 2 * lanes_bytes(t, d[0] * d[2], width) + 2 * lanes_bytes(t, d[1] * d[2], width);
}

/// `attr_max` tells how many attributes there are; `nullable` has bit i for operand i.
constexpr Kernel matrix(const char* name, int inputs, const char* ports, SignatureOf signature, const char* attr_max, unsigned nullable,
                        double flops, const Single& single, InLanes lanes = {}) {
  Kernel k{};
  k.name = name;
  k.family = &family::matrix;
  k.inputs = inputs;
  k.outputs = length(ports) - inputs;
  k.ports = ports;
  k.signature = signature;
  k.attrs = length(attr_max);
  k.nullable = nullable;
  for (int t = 0; t < kFloatTypes; ++t) k.single[t] = single.kernel[t];
  k.scratch = single.scratch;
  k.lanes = lanes.kernel;
  k.lanes_scratch = lanes.scratch;
  k.lanes_max[0] = lanes.max;
  k.lanes_max[1] = lanes.narrow_max;
  k.lanes_decline = lanes.declines;
  k.attr_max = attr_max;
  k.flops = flops;
  return k;
}

constexpr Kernel with_one_output(const Family& family, const char* name, const char* ports, double flops) {
  Kernel k{};
  k.name = name;
  k.family = &family;
  k.inputs = length(ports) - 1;
  k.outputs = 1;
  k.ports = ports;
  k.attr_max = "";
  k.flops = flops;
  return k;
}
constexpr Kernel map(const char* name, const char* ports, Map which, double flops = 1) {
  Kernel k = with_one_output(family::map, name, ports, flops);
  k.map = which;
  return k;
}
constexpr Kernel reduce(const char* name, Reduce which) {
  Kernel k = with_one_output(family::reduce, name, "TT", 1);
  k.reduce = which;
  return k;
}
constexpr Kernel structure(const char* name, const Family& family) { return with_one_output(family, name, "TT", 0); }

constexpr const char* square_to_square(const double*) { return "(n,n)->(n,n)"; }
constexpr const char* two_squares_to_square(const double*) { return "(n,n),(n,n)->(n,n)"; }
const char* triangular(const double* attrs) { return attrs[3] == 0 ? "(m,m),(m,k)->(m,k)" : "(m,m),(k,m)->(k,m)"; }
const char* triangular_vjp(const double* attrs) {
  return attrs[3] == 0 ? "(m,m),(m,k),(m,k)->(m,m),(m,k)" : "(m,m),(k,m),(k,m)->(m,m),(k,m)";
}
const char* product(const double* attrs) {
  if (attrs[0] == 0) return attrs[1] == 0 ? "mkn:(m,k),(k,n)->(m,n)" : "mkn:(m,k),(n,k)->(m,n)";
  return attrs[1] == 0 ? "mkn:(k,m),(k,n)->(m,n)" : "mkn:(k,m),(n,k)->(m,n)";
}
constexpr const char* factored(const double*) { return "(m,n)->(m,n),(m^n)"; }
constexpr const char* pivoted(const double*) { return "(k),(m,n)->(m,n)"; }
constexpr const char* solved(const double*) { return "(m,m),(m,k)->(m,k),(m,m),(m)"; }
constexpr const char* solved_vjp(const double*) { return "(m,m),(m,k),(m,m),(m),(m,k)->(m,m),(m,k)"; }
constexpr const char* determined(const double*) { return "(n,n)->(),(n,n),(n)"; }
constexpr const char* determined_vjp(const double*) { return "(n,n),(n,n),(n),()->(n,n)"; }
constexpr const char* sign_and_log(const double*) { return "(n,n)->(),(),(n,n),(n)"; }
constexpr const char* sign_and_log_vjp(const double*) { return "(n,n),(),(n,n),(n),(),()->(n,n)"; }
constexpr const char* square_to_spectrum(const double*) { return "(n,n)->(n),(n,n)"; }
constexpr const char* spectrum_vjp(const double*) { return "(n),(n,n),(n),(n,n)->(n,n)"; }
constexpr const char* eigenvalues_vjp(const double*) { return "(n,n),(n,n),(n)->(n,n)"; }
constexpr const char* vector_and_square_to_square(const double*) { return "(n),(n,n)->(n,n)"; }
constexpr const char* square_to_function(const double*) { return "(n,n)->(n,n),(n),(n,n)"; }
constexpr const char* function_vjp(const double*) { return "(n,n),(n),(n,n),(n,n)->(n,n)"; }
constexpr const char* least_squares(const double*) { return "(m,n),(m,k),()->(n,k),(m^n,m^n)"; }
constexpr const char* least_squares_vjp(const double*) { return "(m,n),(m,k),(),(n,k),(m^n,m^n),(n,k)->(m,n),(m,k),()"; }
constexpr const char* least_squares_svd(const double*) { return "(m,n),(m,k),()->(n,k),(m,m^n),(m^n),(m^n,n)"; }
constexpr const char* least_squares_svd_vjp(const double*) { return "(m,n),(m,k),(),(n,k),(m,m^n),(m^n),(m^n,n),(n,k)->(m,n),(m,k),()"; }
constexpr const char* normal_equations(const double*) { return "(m,n),(n,k),()->(n,k)"; }
constexpr const char* problem_to_number(const double*) { return "(m,n),()->()"; }
constexpr const char* two_to_one(const double*) { return "(m,n),(m,n)->(m,n)"; }
constexpr const char* three_to_one(const double*) { return "(m,n),(m,n),(m,n)->(m,n)"; }
constexpr const char* three_squares_to_square(const double*) { return "(n,n),(n,n),(n,n)->(n,n)"; }

// Bits of `nullable`: outputs 3 and 4 of a rule with three inputs are 8 and 16.
const Kernel kTable[] = {
    matrix("cholesky", 1, "TT", square_to_square, "", 0, 1.0 / 3, BS_SINGLE(cholesky),
           {&LanesTable::cholesky, nullptr, kMaxLanesSize, kMaxLanesSize, true}),
    matrix("cholesky_vjp", 2, "TTT", two_squares_to_square, "", 0, 2.0 / 3, BS_SINGLE(cholesky_vjp), {&LanesTable::cholesky_vjp}),
    matrix("solveTriangular", 2, "TTT", triangular, "1211", 0, 1, BS_SINGLE(solve_triangular),
           {&LanesTable::solve_triangular, nullptr, 128, 16, true}),
    matrix("solveTriangular_vjp", 3, "TTTTT", triangular_vjp, "1211", 8 | 16, 2, BS_SINGLE(solve_triangular_vjp),
           {&LanesTable::solve_triangular_vjp, right_side_lanes, 128, 64, true}),
    matrix("matmul", 2, "TTT", product, "11", 0, 2, BS_SINGLE(matmul), {&LanesTable::matmul, nullptr, 128, 8}),
    matrix("luFactor", 1, "TTI", factored, "", 0, 2.0 / 3, BS_SINGLE(lu_factor)),
    matrix("applyPivots", 2, "ITT", pivoted, "1", 0, 0, BS_SINGLE(apply_pivots)),
    matrix("solve", 2, "TTTTI", solved, "1", 8 | 16, 1, BS_SINGLE(solve), {&LanesTable::solve, factors_lanes, 48, 48, true}),
    matrix("solve_vjp", 5, "TTTITTT", solved_vjp, "1", 32 | 64, 2, BS_SINGLE(solve_vjp),
           {&LanesTable::solve_vjp, right_side_lanes, 48, 48, true}),
    matrix("inv", 1, "TT", square_to_square, "1", 0, 2, BS_SINGLE(inv), {&LanesTable::inv, factors_lanes, 48, 48, true}),
    matrix("inv_vjp", 2, "TTT", two_squares_to_square, "1", 0, 4, BS_SINGLE(inv_vjp), {&LanesTable::inv_vjp, square_lanes, 48, 24}),
    matrix("det", 1, "TTTI", determined, "", 4 | 8, 2.0 / 3, BS_SINGLE(det), {&LanesTable::det, factors_lanes, 48, 48, true}),
    matrix("det_vjp", 4, "TTITT", determined_vjp, "", 0, 4, BS_SINGLE(det_vjp), {&LanesTable::det_vjp, nullptr, 48, 48, true}),
    matrix("adjugate", 1, "TT", square_to_square, "", 0, 30, BS_SINGLE(adjugate)),
    matrix("adjugateDerivative", 2, "TTT", two_squares_to_square, "", 0, 38, BS_SINGLE(adjugate_derivative)),
    matrix("adjugateSecond", 3, "TTTT", three_squares_to_square, "", 0, 50, BS_SINGLE(adjugate_second)),
    matrix("slogdet", 1, "TTRTI", sign_and_log, "", 8 | 16, 2.0 / 3, BS_SINGLE(slogdet),
           {&LanesTable::slogdet, factors_lanes, 48, 48, true}),
    matrix("slogdet_vjp", 6, "TTTITRT", sign_and_log_vjp, "", 16 | 32, 2, BS_SINGLE(slogdet_vjp),
           {&LanesTable::slogdet_vjp, nullptr, 48, 48, true}),
    matrix("lstsq", 3, "TTRTT", least_squares, "1r", 16, 2, BS_SINGLE(lstsq), {&LanesTable::lstsq, least_squares_lanes, 128, 128, true}),
    matrix("lstsq_vjp", 6, "TTRTTTTTR", least_squares_vjp, "1r", 64 | 128 | 256, 4, BS_SINGLE(lstsq_vjp),
           {&LanesTable::lstsq_vjp, least_squares_vjp_lanes, 128, 128, true}),
    matrix("normalSolve", 3, "TTRT", normal_equations, "1r", 0, 2, BS_SINGLE(normal_solve)),
    matrix("lstsqSvd", 3, "TTRTTRT", least_squares_svd, "r", 16 | 32 | 64, 20, BS_SINGLE(lstsq_svd)),
    matrix("lstsqSvd_vjp", 8, "TTRTTRTTTTR", least_squares_svd_vjp, "r", 256 | 512 | 1024, 8, BS_SINGLE(lstsq_svd_vjp)),
    matrix("normalSolveSvd", 3, "TTRT", normal_equations, "r", 0, 20, BS_SINGLE(normal_solve_svd)),
    matrix("problemScale", 2, "TRR", problem_to_number, "", 0, 1.0 / 32, BS_SINGLE(problem_scale)),
    matrix("truncationDerivative", 2, "TTT", two_to_one, "r", 0, 30, BS_SINGLE(truncation_derivative)),
    matrix("truncationSecond", 3, "TTTT", three_to_one, "r", 0, 50, BS_SINGLE(truncation_second)),
    matrix("eigh", 1, "TRT", square_to_spectrum, "2", 4, 9, BS_SINGLE(eigh)),
    matrix("eigh_vjp", 4, "RTRTT", spectrum_vjp, "21", 4 | 8, 6, BS_SINGLE(eigh_vjp)),
    matrix("eigvalsh_vjp", 3, "TTRT", eigenvalues_vjp, "1", 0, 2, BS_SINGLE(eigvalsh_vjp)),
    matrix("gapQuotient", 2, "RTT", vector_and_square_to_square, "23", 0, 1.0 / 32, BS_SINGLE(gap_quotient)),
    matrix("hermitianFunction", 1, "TTRT", square_to_function, "4r", 4 | 8, 11, BS_SINGLE(hermitian_function)),
    matrix("hermitianFunction_vjp", 4, "TRTTT", function_vjp, "4r", 0, 8, BS_SINGLE(hermitian_function_vjp)),
    matrix("spectralDerivative", 2, "TTT", two_squares_to_square, "4r", 0, 17, BS_SINGLE(spectral_derivative)),
    matrix("spectralSecond", 3, "TTTT", three_squares_to_square, "4r", 0, 40, BS_SINGLE(spectral_second)),

#define BS_MAP_ROW(e, name, ports, cost) map(name, ports, Map::e, cost),
    BS_MAPS(BS_MAP_ROW)
#undef BS_MAP_ROW

        reduce("sum", Reduce::sum),
    reduce("max", Reduce::max),
    reduce("min", Reduce::min),

    structure("view", family::view),
    structure("scatter", family::scatter),
    structure("band", family::band),
};

}  // namespace

std::span<const Kernel> kernels() { return kTable; }

DType port_dtype(Port p, DType column) {
  const bool wide = column == DType::f64 || column == DType::c128;
  switch (p) {
    case Port::same:
      return column;
    case Port::real:
      return wide ? DType::f64 : DType::f32;
    case Port::complex:
      return wide ? DType::c128 : DType::c64;
    case Port::boolean:
      return DType::b8;
    case Port::int32:
      return DType::i32;
  }
  return column;
}

bool lanes_pay_alone(const Kernel& kernel, const LanesTable& isa, Index largest) {
  return kernel.lanes != nullptr && largest <= kernel.lanes_max[isa.bytes == 64 ? 0 : 1];
}

}  // namespace backsolve
