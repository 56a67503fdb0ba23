// Which problems of least squares are scaled, and how far: what native/kernels/least_squares.h and native/lanes/kernels/lstsq.cc agree on.
#pragma once

namespace backsolve {

/// A is taken as it is while its largest part is within 2^±this: squares of its condition number and of its inverse are far from the ends.
template <class R>
constexpr int kModeratePower = sizeof(R) == 8 ? 100 : 20;
/// Otherwise it is scaled by 2^±this at most: these powers are normal numbers, and what is beyond comes down to 8 or up to 2^-53.
template <class R>
constexpr int kMostPower = sizeof(R) == 8 ? 1021 : 125;
/// With √λ more than 2^this larger than A, (AᴴA + λI)⁻¹ is 1/λ to the last digit.
template <class R>
constexpr int kMantissa = sizeof(R) == 8 ? 53 : 24;

}  // namespace backsolve
