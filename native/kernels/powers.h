// Powers of eigenvalues, for lanes kernels that compute them lane by lane; native/kernels/spectral.cc.
#pragma once

namespace backsolve::ops {

/// (x 2^exponent)^p.
double power_at(double p, double x, double exponent);
/// The divided difference at x and y.
double power_difference(double p, double x, double y);
/// Whether xᵖ goes on to the left of 0.
bool power_has_both_sides(double p);

}  // namespace backsolve::ops
