// Padé approximants of the exponential: Al-Mohy and Higham (2009), tables 3.1 and 3.2.
#pragma once

namespace backsolve::pade {

constexpr int kDegrees[] = {3, 5, 7, 9, 13};
/// Numerators, from the constant on.
constexpr double kNumerators[][14] = {
    {120, 60, 12, 1},
    {30240, 15120, 3360, 420, 30, 1},
    {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1},
    {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1},
    {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
     1323241920, 40840800, 960960, 16380, 182, 1},
};
/// How large a matrix may be for each degree, and 1 over the leading coefficient of the backward error.
constexpr double kTheta[] = {1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068, 5.371920351148152};
constexpr double kLeading[] = {100800, 10059033600, 4487938430976000, 5914384781877411840000.0, 113250775606021113483283660800000000.0};

}  // namespace backsolve::pade
