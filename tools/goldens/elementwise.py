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
FUNCTIONS = {"abs": abs, "tanh": mpmath.tanh}
# The range of arguments: powers of two, from the smallest normal number on.
RANGE = {"float32": (-126, 127), "float64": (-1022, 1023)}
# tanh is a line before, and a constant after these
BEND = (-30, 6)


def rounded(dtype, x):
    return struct.unpack("<f", struct.pack("<f", x))[0] if dtype == "float32" else x


def real(rng, dtype):
    low, high = BEND if rng.random() < 0.75 else RANGE[dtype]
    return rounded(dtype, rng.choice((-1, 1)) * math.ldexp(rng.uniform(1, 2), rng.randrange(low, high)))


def apart(value):
    """The nearest number, and the one nearest to what is left."""
    high = float(value)
    return [high, float(value - mpmath.mpf(high))]


def row(name, dtype, z):
    value = FUNCTIONS[name](mpmath.mpf(z[0]) if len(z) == 1 else mpmath.mpc(*z))
    parts = [value] if name == "abs" or len(z) == 1 else [value.real, value.imag]
    return {"x": z, "y": [apart(p) for p in parts]}


def main():
    mpmath.mp.dps = 60
    rng = random.Random(20)
    cases = []
    for name in FUNCTIONS:
        for dtype in ("float32", "float64"):
            if name != "abs":  # exact
                rows = [row(name, dtype, [real(rng, dtype)]) for _ in range(120)]
                cases.append({"name": name, "dtype": dtype, "rows": rows})
            rows = [row(name, dtype, [real(rng, dtype), real(rng, dtype)]) for _ in range(160)]
            cases.append({"name": name, "dtype": {"float32": "complex64", "float64": "complex128"}[dtype], "rows": rows})
    for case in cases:
        assert all(math.isfinite(v) for r in case["rows"] for y in r["y"] for v in y)
    lines = ["  " + json.dumps({**c, "rows": None})[:-5] + "[\n" + ",\n".join("    " + json.dumps(r) for r in c["rows"]) + "\n  ]}" for c in cases]
    FILE.write_text('{ "about": "tools/goldens/elementwise.py, mpmath ' + mpmath.__version__ + '", "cases": [\n' + ",\n".join(lines) + "\n] }\n")


if __name__ == "__main__":
    main()
