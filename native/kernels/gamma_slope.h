// How a gamma number moves with its parameter.
#pragma once

namespace backsolve {

/// dy/da of y = x, or of y = log x, along a constant P(a, x) = γ(a, x) / Γ(a).
double slope_of_gamma(double a, double y, bool is_log);

}  // namespace backsolve
