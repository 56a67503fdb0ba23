"""Golden values of elementwise functions: test/golden/elementwise.json.

Usage: python tools/goldens/elementwise.py     (versions: tools/goldens/requirements.txt; seconds)

By mpmath, to 60 digits. An argument is a number of float64 (of float32 where it says so), two of them for complex ones; a value, or each of its
parts, is the sum of two float64 numbers, so that errors of a part of an ulp can be told. The seed is fixed.
"""
import json
import math
import pathlib
import random
import struct

import mpmath

FILE = pathlib.Path(__file__).resolve().parents[2] / "test/golden/elementwise.json"


def exactly(f):
    """With digits enough for 1 + z and 1 - cos z of a z of 1e-308."""

    def run(z):
        with mpmath.workdps(800):
            return f(z)

    return run


FUNCTIONS = {
    "abs": abs,
    "tanh": mpmath.tanh,
    "log1p": exactly(lambda z: mpmath.log(1 + z)),
    "expm1": exactly(lambda z: mpmath.exp(z) - 1),
}
# The range of arguments: powers of two, from the smallest normal number on.
RANGE = {"float32": (-126, 127), "float64": (-1022, 1023)}
# tanh is a line before, and a constant after these; log1p and expm1 are lines before, too
BEND = (-30, 6)
# up to here e^x is finite
EXP = {"float32": 88, "float64": 709}
# rows of real and complex dtypes
ROWS = {"log1p": (60, 100), "expm1": (60, 100)}


def rounded(dtype, x):
    return struct.unpack("<f", struct.pack("<f", x))[0] if dtype == "float32" else x


def real(rng, dtype):
    low, high = BEND if rng.random() < 0.75 else RANGE[dtype]
    return rounded(dtype, rng.choice((-1, 1)) * math.ldexp(rng.uniform(1, 2), rng.randrange(low, high)))


def apart(value):
    """The nearest number, and the one nearest to what is left."""
    high = float(value)
    return [high, float(value - mpmath.mpf(high))]


def argument(rng, name, dtype, parts):
    """One within the range of the real function, and for expm1 off the curve e^x cos y = 1: a real part of 3/4 or more of what cancels in it."""
    while True:
        z = [real(rng, dtype) for _ in range(parts)]
        if name == "log1p" and rng.random() < 0.2:  # about -1
            z[0] = rounded(dtype, -1 - z[0] if parts == 2 else abs(z[0]) - 1)
        if name == "log1p" and parts == 2 and rng.random() < 0.2:  # about the circle |1 + z| = 1, where the real part cancels
            angle = rng.uniform(-math.pi, math.pi) * math.ldexp(1, -rng.randrange(12))
            z = [rounded(dtype, -2 * math.sin(angle / 2) ** 2), rounded(dtype, math.sin(angle))]
        if name == "log1p" and parts == 1 and z[0] <= -1:
            continue
        if name == "expm1":
            if abs(z[0]) > EXP[dtype]:
                continue
            if parts == 2:
                a, b = mpmath.expm1(z[0]) * mpmath.cos(z[1]), 2 * mpmath.sin(mpmath.mpf(z[1]) / 2) ** 2
                if abs(a - b) < 0.75 * max(abs(a), b):
                    continue
        return z


def row(name, dtype, z):
    value = FUNCTIONS[name](mpmath.mpf(z[0]) if len(z) == 1 else mpmath.mpc(*z))
    parts = [value] if name == "abs" or len(z) == 1 else [value.real, value.imag]
    return {"x": z, "y": [apart(p) for p in parts]}


def main():
    mpmath.mp.dps = 60
    rng = random.Random(20)
    cases = []
    for name in FUNCTIONS:
        few, many = ROWS.get(name, (120, 160))
        for dtype in ("float32", "float64"):
            if name != "abs":  # exact
                rows = [row(name, dtype, argument(rng, name, dtype, 1)) for _ in range(few)]
                cases.append({"name": name, "dtype": dtype, "rows": rows})
            rows = [row(name, dtype, argument(rng, name, dtype, 2)) for _ in range(many)]
            cases.append({"name": name, "dtype": {"float32": "complex64", "float64": "complex128"}[dtype], "rows": rows})
    for case in cases:
        assert all(math.isfinite(v) for r in case["rows"] for y in r["y"] for v in y)
    lines = ["  " + json.dumps({**c, "rows": None})[:-5] + "[\n" + ",\n".join("    " + json.dumps(r) for r in c["rows"]) + "\n  ]}" for c in cases]
    FILE.write_text('{ "about": "tools/goldens/elementwise.py, mpmath ' + mpmath.__version__ + '", "cases": [\n' + ",\n".join(lines) + "\n] }\n")


if __name__ == "__main__":
    main()
