// More functors of maps (functors.h): rounding, truth, and the functions of special.cc.
#pragma once
#include "../lanes.h"
#include "../vector/elements.h"
#include "rounding.h"
#include "special.h"

namespace backsolve::BS_ISA {
namespace {

#define BS_OF_REAL(Name, parameters, value) \
  struct Name {                             \
    template <class R>                      \
    BS_INLINE static auto real parameters { \
      return value;                         \
    }                                       \
  }
#define BS_OF_BOTH(Name, parameters, value, complex_parameters, complex_value) \
  struct Name {                                                                \
    template <class R>                                                         \
    BS_INLINE static auto real parameters {                                    \
      return value;                                                            \
    }                                                                          \
    template <class R>                                                         \
    BS_INLINE static auto complex complex_parameters {                         \
      return complex_value;                                                    \
    }                                                                          \
  }

BS_OF_REAL(Floor, (Vec<R> a), vfloor<R>(a));
BS_OF_REAL(Ceil, (Vec<R> a), vceil<R>(a));
BS_OF_REAL(Round, (Vec<R> a), vrint<R>(a));
BS_OF_REAL(Trunc, (Vec<R> a), vtrunc<R>(a));
BS_OF_REAL(Hypot, (Vec<R> a, Vec<R> b), cx_abs<R>({a, b}));

// ---- Truth: what is not zero is true, NaN too ----

template <class R>
BS_INLINE Mask<R> holds(Vec<R> a) {
  return a != 0;
}
template <class R>
BS_INLINE Mask<R> holds(Cx<R> a) {
  return ~cx_is_zero<R>(a);
}
BS_OF_BOTH(IsNan, (Vec<R> a), is_nan<R>(a), (Cx<R> a), is_nan<R>(a.re) | is_nan<R>(a.im));
BS_OF_BOTH(IsFinite, (Vec<R> a), is_finite<R>(a), (Cx<R> a), is_finite<R>(a.re) & is_finite<R>(a.im));
BS_OF_BOTH(IsInf, (Vec<R> a), is_inf<R>(a), (Cx<R> a), is_inf<R>(a.re) | is_inf<R>(a.im));
BS_OF_BOTH(LogicalAnd, (Vec<R> a, Vec<R> b), holds<R>(a) & holds<R>(b), (Cx<R> a, Cx<R> b), holds<R>(a) & holds<R>(b));
BS_OF_BOTH(LogicalOr, (Vec<R> a, Vec<R> b), holds<R>(a) | holds<R>(b), (Cx<R> a, Cx<R> b), holds<R>(a) | holds<R>(b));
BS_OF_BOTH(LogicalXor, (Vec<R> a, Vec<R> b), holds<R>(a) ^ holds<R>(b), (Cx<R> a, Cx<R> b), holds<R>(a) ^ holds<R>(b));
BS_OF_BOTH(LogicalNot, (Vec<R> a), ~holds<R>(a), (Cx<R> a), ~holds<R>(a));

// ---- Of special.cc ----

#define BS_CALLED(Name, parameters, value)  \
  struct Name {                             \
    static constexpr bool is_called = true; \
    template <class R>                      \
    static Vec<R> real parameters {         \
      return value;                         \
    }                                       \
  }

BS_CALLED(Log2, (Vec<R> a), special::log2(a));
BS_CALLED(Log10, (Vec<R> a), special::log10(a));
BS_CALLED(Exp2, (Vec<R> a), special::exp2(a));
BS_CALLED(Cbrt, (Vec<R> a), special::cbrt(a));
BS_CALLED(Tan, (Vec<R> a), special::tan(a));
BS_CALLED(Asin, (Vec<R> a), special::asin(a));
BS_CALLED(Acos, (Vec<R> a), special::acos(a));
BS_CALLED(Atan, (Vec<R> a), special::atan(a));
BS_CALLED(Asinh, (Vec<R> a), special::asinh(a));
BS_CALLED(Acosh, (Vec<R> a), special::acosh(a));
BS_CALLED(Atanh, (Vec<R> a), special::atanh(a));
BS_CALLED(Sigmoid, (Vec<R> a), special::sigmoid(a));
BS_CALLED(Erf, (Vec<R> a), special::erf(a));
BS_CALLED(Erfc, (Vec<R> a), special::erfc(a));
BS_CALLED(ErfInv, (Vec<R> a), special::erf_inv(a));
BS_CALLED(NormCdf, (Vec<R> a), special::norm_cdf(a));
BS_CALLED(NormLogCdf, (Vec<R> a), special::norm_log_cdf(a));
BS_CALLED(NormHazard, (Vec<R> a), special::norm_hazard(a));
BS_CALLED(NormQuantile, (Vec<R> a), special::norm_quantile(a));
BS_CALLED(Lgamma, (Vec<R> a), special::lgamma(a));
BS_CALLED(Digamma, (Vec<R> a), special::digamma(a));
BS_CALLED(Pow, (Vec<R> a, Vec<R> b), special::pow(a, b));
BS_CALLED(Atan2, (Vec<R> a, Vec<R> b), special::atan2(a, b));
BS_CALLED(Mod, (Vec<R> a, Vec<R> b), special::mod(a, b));
BS_CALLED(Logaddexp, (Vec<R> a, Vec<R> b), special::logaddexp(a, b));
BS_CALLED(Xlogy, (Vec<R> a, Vec<R> b), special::xlogy(a, b));
BS_CALLED(Polygamma, (Vec<R> a, Vec<R> b), special::polygamma(a, b));

/// Told as in Maps (functors.h): functions of one real number, the others.
template <class M>
void unary_maps(M& maps) {
  maps.template real<Floor, Re, Re>(Map::floor);
  maps.template real<Ceil, Re, Re>(Map::ceil);
  maps.template real<Round, Re, Re>(Map::round);
  maps.template real<Trunc, Re, Re>(Map::trunc);
  maps.template real<Log2, Re, Re>(Map::log2);
  maps.template real<Log10, Re, Re>(Map::log10);
  maps.template real<Exp2, Re, Re>(Map::exp2);
  maps.template real<Cbrt, Re, Re>(Map::cbrt);
  maps.template real<Tan, Re, Re>(Map::tan);
  maps.template real<Asin, Re, Re>(Map::asin);
  maps.template real<Acos, Re, Re>(Map::acos);
  maps.template real<Atan, Re, Re>(Map::atan);
  maps.template real<Asinh, Re, Re>(Map::asinh);
  maps.template real<Acosh, Re, Re>(Map::acosh);
  maps.template real<Atanh, Re, Re>(Map::atanh);
  maps.template real<Sigmoid, Re, Re>(Map::sigmoid);
  maps.template real<Erf, Re, Re>(Map::erf);
  maps.template real<Erfc, Re, Re>(Map::erfc);
  maps.template real<ErfInv, Re, Re>(Map::erf_inv);
  maps.template real<NormCdf, Re, Re>(Map::norm_cdf);
  maps.template real<NormLogCdf, Re, Re>(Map::norm_log_cdf);
  maps.template real<NormHazard, Re, Re>(Map::norm_hazard);
  maps.template real<NormQuantile, Re, Re>(Map::norm_quantile);
  maps.template real<Lgamma, Re, Re>(Map::lgamma);
  maps.template real<Digamma, Re, Re>(Map::digamma);
  maps.template real<LogicalAnd, Bo, Re, Re>(Map::logical_and);
  maps.template real<LogicalOr, Bo, Re, Re>(Map::logical_or);
  maps.template real<LogicalXor, Bo, Re, Re>(Map::logical_xor);
}
template <class M>
void more_maps(M& maps) {
  unary_maps(maps);
  maps.template real<Hypot, Re, Re, Re>(Map::hypot);
  maps.template real<Pow, Re, Re, Re>(Map::pow);
  maps.template real<Atan2, Re, Re, Re>(Map::atan2);
  maps.template real<Mod, Re, Re, Re>(Map::mod);
  maps.template real<Logaddexp, Re, Re, Re>(Map::logaddexp);
  maps.template real<Xlogy, Re, Re, Re>(Map::xlogy);
  maps.template real<Polygamma, Re, Re, Re>(Map::polygamma);
  maps.template real<IsNan, Bo, Re>(Map::is_nan);
  maps.template complex<IsNan, Bo, Co>(Map::is_nan);
  maps.template real<IsFinite, Bo, Re>(Map::is_finite);
  maps.template complex<IsFinite, Bo, Co>(Map::is_finite);
  maps.template real<IsInf, Bo, Re>(Map::is_inf);
  maps.template complex<IsInf, Bo, Co>(Map::is_inf);
  maps.template real<LogicalNot, Bo, Re>(Map::logical_not);
  maps.template complex<LogicalNot, Bo, Co>(Map::logical_not);
  maps.template complex<LogicalAnd, Bo, Co, Co>(Map::logical_and);
  maps.template complex<LogicalOr, Bo, Co, Co>(Map::logical_or);
  maps.template complex<LogicalXor, Bo, Co, Co>(Map::logical_xor);
}

}  // namespace
}  // namespace backsolve::BS_ISA
