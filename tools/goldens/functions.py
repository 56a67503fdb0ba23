"""Golden values of elementwise functions beside those of elementwise.py: test/golden/functions.json.

    python tools/goldens/functions.py     (versions: tools/goldens/requirements.txt; a minute)

Real ones by mpmath, to 60 digits: arguments, then the value as the nearest double and what is left in units of the last place of the format.
Complex ones by mpmath, too, but on branch cuts, which it does not have by signs of zeros, by NumPy.
"""
import json
import math
import pathlib
import random

import mpmath
import numpy

FILE = pathlib.Path(__file__).resolve().parents[2] / "test/golden/functions.json"
FORMATS = {"float64": (52, -1022, 1e-300, 1e300), "float32": (23, -126, 1e-37, 1e37)}
mpmath.mp.dps = 60
mp = mpmath
rng = random.Random(14)


def wide(low=None, high=None, signs=(-1, 1)):
    """Of all sizes, the logarithm even."""
    return lambda small, large: rng.choice(signs) * 10 ** rng.uniform(math.log10(low or small), math.log10(high or large))


def even(low, high):
    return lambda small, large: rng.uniform(low, high)


def either(*draws):
    return lambda small, large: rng.choice(draws)(small, large)


def whole(low, high):
    return lambda small, large: float(rng.randint(low, high))


def cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def quantile(p):
    """Newton's method for log cdf, in the half where p is the smaller tail."""
    if 2 * p > 1:
        return -quantile(1 - p)
    x = -mp.sqrt(-2 * mp.log(p)) if p < 0.01 else (p - mp.mpf(1) / 2) * mp.sqrt(2 * mp.pi)
    for _ in range(60):
        step = (mp.log(cdf(x)) - mp.log(p)) * cdf(x) / mp.npdf(x)
        x -= step
        if abs(step) < abs(x) * mp.mpf(10) ** -50:
            break
    return x


def erf_inv(y):
    if abs(y) < mp.mpf(10) ** -20:
        return y * mp.sqrt(mp.pi) / 2
    return quantile((1 + y) / 2) / mp.sqrt(2)


POSITIVE = wide(signs=(1,))
REAL = {
    "hypot": (lambda a, b: mp.sqrt(a * a + b * b), [either(wide(), even(-9, 9))] * 2),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), [POSITIVE]),
    "reciprocal": (lambda x: 1 / x, [wide()]),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), [wide()]),
    "log2": (lambda x: mp.log(x, 2), [either(POSITIVE, even(0.5, 2))]),
    "log10": (mp.log10, [either(POSITIVE, even(0.5, 2))]),
    "exp2": (lambda x: mp.mpf(2) ** x, [either(even(-149, 127), even(-3, 3), wide(1e-20, 1))]),
    "pow": (lambda a, b: a**b, [either(even(0, 10), POSITIVE), either(even(-0.9, 0.9), even(-0.1, 0.1))]),
    "tan": (mp.tan, [either(even(-1.6, 1.6), wide())]),
    "asin": (mp.asin, [either(even(-1, 1), wide(high=1))]),
    "acos": (mp.acos, [either(even(-1, 1), wide(high=1))]),
    "atan": (mp.atan, [either(even(-3, 3), wide())]),
    "atan2": (mp.atan2, [either(even(-3, 3), wide(1e-9, 1e9))] * 2),
    "asinh": (mp.asinh, [either(even(-3, 3), wide())]),
    "acosh": (mp.acosh, [either(even(1, 3), wide(low=1, signs=(1,)))]),
    "atanh": (mp.atanh, [either(even(-1, 1), wide(high=0.9))]),
    "mod": (lambda a, b: a - b * mp.floor(a / b), [either(even(-9, 9), wide(1e-9, 1e9)), either(even(-3, 3), wide(1e-5, 1e5))]),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), [either(even(-87, 40), even(-5, 5))]),
    "logaddexp": (lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), [even(0, 30), either(even(0, 30), even(0, 1))]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), [either(even(-80, 30), even(-3, 3))]),
    "logSigmoid": (lambda x: -mp.log1p(mp.exp(-x)), [either(even(-30, 80), even(-3, 3))]),
    "xlogy": (lambda a, b: a * mp.log(b), [even(-9, 9), POSITIVE]),
    "erf": (mp.erf, [either(even(-5, 5), wide(high=6))]),
    "erfc": (mp.erfc, [either(even(-5, 9), even(-1, 1))]),
    "erfInv": (erf_inv, [either(even(-1, 1), wide(high=0.5))]),
    "normLogPdf": (lambda x: -(x * x + mp.log(2 * mp.pi)) / 2, [either(even(-9, 9), wide(high=1e15))]),
    "normCdf": (cdf, [either(even(-12, 8), even(-2, 2))]),
    "normLogCdf": (lambda x: mp.log(cdf(x)) if x < 0 else mp.log1p(-cdf(-x)), [either(even(-99, 12), even(-2, 2), wide(1, 1e4, (-1,)))]),
    "normHazard": (lambda x: mp.npdf(x) / cdf(x), [either(even(-99, 12), even(-2, 2), wide(1, 1e4, (-1,)))]),
    "normQuantile": (quantile, [either(even(0, 1), wide(high=0.5, signs=(1,)))]),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 99 else mp.loggamma(x), [either(even(0, 9), even(0.5, 3), wide(high=1e35, signs=(1,)), even(-9, 0))]),
    "digamma": (mp.digamma, [either(even(0, 15), even(1, 2), POSITIVE)]),
    "polygamma": (lambda n, x: mp.psi(int(n), x), [either(whole(1, 3), whole(1, 9)), either(even(0.1, 30), even(-9, 0))]),
}
FAR = {  # of float64 alone
    "exp2": [even(-1074, 1023)],
    "pow": [POSITIVE, even(-1, 1)],
    "sigmoid": [even(-745, -80)],
    "erfc": [even(20, 27.2)],
    "normCdf": [even(-38.4, -12)],
    "logSigmoid": [even(-700, 745)],
}
COMPLEX = {
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "log2": lambda z: mp.log(z, 2),
    "log10": mp.log10,
    "exp2": lambda z: mp.mpf(2) ** z,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "reciprocal": lambda z: 1 / z,
    "rsqrt": lambda z: 1 / mp.sqrt(z),
    "pow": lambda a, b: a**b,
}
CUTS = {"asin": 1, "acos": 1, "acosh": 1, "atanh": 1, "asinh": 1j, "atan": 1j, "log2": 1, "log10": 1}


def row(f, dtype, x):
    bits, least = FORMATS[dtype][:2]
    y = f(*[mp.mpf(v) for v in x])
    high = float(y)
    exponent = max(int(mp.floor(mp.log(abs(high), 2))), least) if high else least
    return [*x, high, float((y - high) / mp.mpf(2) ** (exponent - bits))]


def real(name, dtype, count):
    f, draws = REAL[name]
    _, _, small, large = FORMATS[dtype]
    most = {"float64": 1.79e308, "float32": 3.4e38}[dtype]
    rows = []
    while len(rows) < count:
        far = FAR.get(name) if dtype == "float64" and len(rows) % 4 == 3 else None
        x = [d(small, large) for d in far or draws]
        x = [float(numpy.float32(v)) if dtype == "float32" else v for v in x]
        if (name in ("erfInv", "atanh") and abs(x[0]) >= 1) or (name == "normQuantile" and not 0 < x[0] < 1):
            continue
        made = row(f, dtype, x)
        if math.isfinite(made[-2]) and abs(made[-2]) < most:
            rows.append(made)
    return rows


def main():
    cases = {}
    for name in REAL:
        for dtype in FORMATS:
            cases[f"{name} {dtype}"] = real(name, dtype, 60)
    for name, f in COMPLEX.items():
        rows = []
        for i in range(30):
            size = 10 ** rng.uniform(-6, 6) if i % 3 == 0 and name not in ("exp2", "sigmoid", "pow", "tan") else 1
            z = [size * rng.gauss(0, 1.5), size * rng.gauss(0, 1.5)] + ([rng.gauss(0, 1), rng.gauss(0, 1)] if name == "pow" else [])
            w = f(*[mp.mpc(z[k], z[k + 1]) for k in range(0, len(z), 2)])
            rows.append([*z, float(w.real), float(w.imag)])
        for t in (-2.5, 2.5, -0.5, 0.5) if name in CUTS else ():
            for zero in (0.0, -0.0):
                z = complex(t, zero) if CUTS[name] == 1 else complex(zero, t)
                with numpy.errstate(all="ignore"):
                    w = getattr(numpy, {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}.get(name, name))(z)
                rows.append([z.real, z.imag, float(w.real), float(w.imag)])
        cases[f"{name} complex128"] = rows
    text = ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(r) for r in v) + "\n]" for k, v in cases.items())
    FILE.write_text("{\n" + text + "\n}\n")


main()
