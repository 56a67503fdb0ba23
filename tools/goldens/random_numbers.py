"""Golden random numbers: test/golden/random.json.

Usage: python tools/goldens/random_numbers.py     (versions: tools/goldens/requirements.txt; a minute)

Another writing of what native/lanes/kernels/random.cc defines, in Python's floats, whose + - * / sqrt are IEEE's and are never contracted. Uniform
numbers of an interval are exact fractions, rounded down. `data` are numbers first, first + 1, ... of the stream of a key, `exact` the
normal numbers that the same random bits stand for, by mpmath; `hash` is of the bits of all `count` numbers from 0 on.
"""
import json
import math
import pathlib
import struct
from fractions import Fraction

import mpmath

FILE = pathlib.Path(__file__).resolve().parents[2] / "test/golden/random.json"
MASK = 0xFFFFFFFF
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
LOG = [float.fromhex(c) for c in (
    "0x1.5555555555592p-1", "0x1.999999997fdb7p-2", "0x1.24924941f1295p-2", "0x1.c71c52095abb5p-3", "0x1.74663ee8bc916p-3",
    "0x1.39a1bab2e7e3cp-3", "0x1.2f056395f5a67p-3")]
LOG2 = [float.fromhex(c) for c in ("0x1.62e42fefa4p-1", "-0x1.8432a1b0e2634p-43")]
SIN = [float.fromhex(c) for c in (
    "-0x1.4abbce625be47p+5", "0x1.466bc67758d85p+6", "-0x1.32d2cce3332e2p+6", "0x1.5078301b629d1p+5", "-0x1.e300a65a6d906p+3",
    "0x1.e403d09a290aap+1")]
TURN = [float.fromhex(c) for c in ("0x1.921fb544p+2", "0x1.0b4611a626331p-32")]
COS = [float.fromhex(c) for c in (
    "0x1.03c1f081b5abcp+6", "-0x1.55d3c7e3ca708p+6", "0x1.e1f506852a291p+5", "-0x1.a6d1edbcb8179p+4", "0x1.f9cd21743bdf8p+2",
    "-0x1.b2a256e461db4p+0")]
COS2 = [float.fromhex(c) for c in ("-0x1.3cp+4", "0x1.619b20dd10d2ep-7")]


def threefry(key, counter):
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = ((counter >> 32) + keys[0]) & MASK, ((counter & MASK) + keys[1]) & MASK
    for n in range(20):
        x = (x + y) & MASK
        r = ROTATIONS[n % 8]
        y = (((y << r) | (y >> (32 - r))) & MASK) ^ x
        if n % 4 == 3:
            s = (n + 1) // 4
            x, y = (x + keys[s % 3]) & MASK, (y + keys[(s + 1) % 3] + s) & MASK
    return x, y


def unit(key, i):
    """(m + 1/2) / 2^53 to nearest, below 1."""
    a, b = threefry(key, i)
    return min(((a >> 5) * 2.0**26 + (b >> 6) + 0.5) * 2.0**-53, 1 - 2.0**-53)


def polynomial(coefficients, t):
    """t (c0 + t (c1 + ...))"""
    value = 0.0
    for c in reversed(coefficients):
        value = t * (value + c)
    return value


def log(x):
    m, k = math.frexp(x)
    if m < float.fromhex("0x1.6a09e667f3bcdp-1"):
        m, k = 2 * m, k - 1
    f = m - 1
    s = f / (2 + f)
    half = f * f * 0.5
    return k * LOG2[0] - ((half - (s * (half + polynomial(LOG, s * s)) + k * LOG2[1])) - f)


def sincos(u):
    q = round(4 * u)
    r = u - q / 4
    t = r * r
    r1 = round(r * 2**24) / 2**24
    r2 = r - r1
    s = r1 * TURN[0] + (r2 * TURN[0] + r * (polynomial(SIN, t) + TURN[1]))
    c = r1 * r1 * COS2[0] + (r2 * (r + r1) * COS2[0] + t * (polynomial(COS, t) + COS2[1])) + 1
    return [(s, c), (c, -s), (-s, -c), (-c, s)][q % 4]


def normal(key, i, variance):
    u, v = unit(key, i & ~1), unit(key, i | 1)
    return math.sqrt(-2 * variance * log(u)) * sincos(v)[1 - i % 2]


def exact_normal(key, i, variance):
    u, v = mpmath.mpf(unit(key, i & ~1)), mpmath.mpf(unit(key, i | 1))
    radius = mpmath.sqrt(-2 * variance * mpmath.log(u))
    return radius * (mpmath.sinpi(2 * v) if i % 2 else mpmath.cospi(2 * v))


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def rounded_down(x, is_single):
    """The largest number of the dtype that is at most the fraction x."""
    if x == 0:
        return 0.0
    bits, smallest = (24, -149) if is_single else (53, -1074)
    # 2^e <= |x| < 2^(e + 1)
    e = abs(x.numerator).bit_length() - x.denominator.bit_length()
    if abs(x) < Fraction(2) ** e:
        e -= 1
    grid = max(e - bits + 1, smallest)
    return float(math.floor(x / Fraction(2) ** grid) * Fraction(2) ** grid)


def uniform(key, i, low, high, is_single):
    if (low, high) == (0, 1):
        u = unit(key, i)
        return min(single(u), 1 - 2.0**-24) if is_single else u
    return rounded_down(Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(unit(key, i)), is_single)


def number(case):
    key, is_single = case["key"], case["dtype"] in ("float32", "complex64")
    if case["kind"] == "uniform":
        # the smallest numbers of the dtype that are not below
        low, high = (0 - rounded_down(-Fraction(x), is_single) for x in (case["low"], case["high"]))
        return lambda i: uniform(key, i, low, high, is_single)
    variance = 0.5 if case["dtype"].startswith("complex") else 1
    return lambda i: single(normal(key, i, variance)) if is_single else normal(key, i, variance)


def words_of(x, dtype):
    return struct.unpack("<I", struct.pack("<f", x)) if dtype in ("float32", "complex64") else struct.unpack("<II", struct.pack("<d", x))


DTYPES = ("float32", "float64", "complex64", "complex128")
KEYS = ([0, 0], [0, 1], [0, 0x9E3779B9], [1, 2], [0xFFFFFFFF, 0xFFFFFFFF], [0x12345678, 0x9ABCDEF0])
FIRSTS = (0, 2**32 - 256, 2**32, 2**52)
BOTH = ([0, 1], [-1, 1], [2, 5], [0.1, 0.7], [-3, 1e-3], [1000, 1001], [-1001, -1000], [1e-30, 1e30], [0, 5e-44], [-1e-40, 1e-45])
DOUBLE = ([-1.7e308, 1.7e308], [-1.7976931348623157e308, 1.7976931348623157e308], [1, 1 + 2**-40], [1, 1 + 2**-51], [-1 - 2**-50, -1],
          [0, 1.5e-323], [-5e-324, 5e-324], [1e-320, 1.7e308], [-1e-310, 2e-310], [2**52, 2**52 + 3], [1 - 2**-53, 1 + 2**-51],
          [-1 / 3, 1e16], [-2 / 3, 2**-60])


def cases():
    for key in KEYS:
        for dtype in DTYPES:
            yield {"kind": "normal", "key": key, "dtype": dtype, "first": 0}
    for first in FIRSTS[1:]:
        yield {"kind": "normal", "key": [3, 4], "dtype": "float64", "first": first}
        yield {"kind": "uniform", "key": [3, 4], "dtype": "float64", "low": 0, "high": 1, "first": first}
    for key in KEYS:
        yield {"kind": "uniform", "key": key, "dtype": "float64", "low": 0, "high": 1, "first": 0}
    for i, (low, high) in enumerate((*BOTH, *DOUBLE)):
        for dtype in DTYPES if i < len(BOTH) else ("float64", "complex128"):
            yield {"kind": "uniform", "key": [0, i + 7], "dtype": dtype, "low": low, "high": high, "first": 0}


def listed(case):
    at = number(case)
    case["data"] = [at(case["first"] + i) for i in range(20)]
    if case["kind"] == "normal" and case["dtype"] == "float64":
        case["exact"] = [float(exact_normal(case["key"], case["first"] + i, 1)) for i in range(20)]
    return case


def long():
    for count in (131073 - 64, 1001):
        for dtype in DTYPES:
            yield {"kind": "normal", "key": [5, 6], "dtype": dtype, "count": count}
            for low, high in ((0, 1), (-3, 5.5)):
                yield {"kind": "uniform", "key": [5, 7], "dtype": dtype, "low": low, "high": high, "count": count}


def hashed(case):
    at, h = number(case), 2166136261
    for i in range(case["count"] * (2 if case["dtype"].startswith("complex") else 1)):
        for word in words_of(at(i), case["dtype"]):
            h = ((h ^ word) * 16777619) & MASK
    case["hash"] = h
    return case


def main():
    mpmath.mp.prec = 200
    about = json.dumps({"source": "tools/goldens/random_numbers.py", "mpmath": mpmath.__version__})
    lines = [json.dumps(listed(c)) for c in cases()], [json.dumps(hashed(c)) for c in long()]
    numbers, sums = (",\n  ".join(part) for part in lines)
    FILE.write_text(f'{{\n "about": {about},\n "numbers": [\n  {numbers}\n ],\n "long": [\n  {sums}\n ]\n}}\n')


if __name__ == "__main__":
    main()
