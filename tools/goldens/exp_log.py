"""exp and log of numbers of all sizes, by mpmath, as the nearest double and what is left, in units of the last
place of the format: test/golden/exp-log.json.

    python tools/goldens/exp_log.py > test/golden/exp-log.json
"""
import json
import random

import mpmath
import numpy

mpmath.mp.prec = 200
random.seed(1)
LIMITS = {"float64": (-745.0, 709.7, -323, 308), "float32": (-103.9, 88.7, -44, 38)}


FORMATS = {"float64": (52, -1022), "float32": (23, -126)}


def both(y, dtype):
    bits, least = FORMATS[dtype]
    high = float(y)
    exponent = max(mpmath.floor(mpmath.log(abs(high), 2)), least) if high else least
    return [high, float((y - high) / mpmath.mpf(2) ** (exponent - bits))]


def rows(dtype, function, numbers):
    cast = numpy.float32 if dtype == "float32" else numpy.float64
    xs = [float(cast(x)) for x in numbers]
    return [[x, *both(function(mpmath.mpf(x)), dtype)] for x in xs if function is not mpmath.log or x > 0]


def main():
    out = {}
    for dtype, (low, high, small, large) in LIMITS.items():
        near = [random.gauss(0, 1) * 10 ** random.uniform(-4, 0.5) for _ in range(130)]
        wide = [random.uniform(low, high) for _ in range(100)] + [random.uniform(low, 0.94 * low) for _ in range(30)]
        out[f"exp {dtype}"] = rows(dtype, mpmath.exp, near + wide + [1, -1, 0.5, -0.5, 0, 1e-300 if dtype == "float64" else 1e-38])
        near = [1 + random.gauss(0, 1) * 10 ** random.uniform(-7, -1) for _ in range(130)]
        wide = [10 ** random.uniform(small, large) for _ in range(120)]
        out[f"log {dtype}"] = rows(dtype, mpmath.log, near + wide + [1, 2, 0.5, 10])
    print("{\n" + ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(r) for r in v) + "\n]" for k, v in out.items()) + "\n}")


main()
