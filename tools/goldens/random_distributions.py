"""Golden numbers of random distributions: test/golden/random-distributions.json.

Usage: python tools/goldens/random_distributions.py     (versions: tools/goldens/requirements.txt)

`gamma`, `poisson`: another writing of native/kernels/variates.cc, to the bit; `hash` is of the bits of `count` numbers of one parameter. `slopes`:
dy/da of y = log x, or x, along a constant share P(a, x) of the gamma distribution, by mpmath's quadrature of the score.
`composed`: what lib/ops/variates.ts and choosing.ts make of uniform and normal numbers, written again on random_numbers.py; floats are right to
some units in the last place, integers exactly.
"""
import json
import math
import pathlib

import mpmath
import scipy
from scipy.special import gammainc, gammaincinv
from random_numbers import FILE as NUMBERS
from random_numbers import LOG2, MASK, log, normal, threefry, unit, words_of

FILE = NUMBERS.with_name("random-distributions.json")


def key_of(seed):
    return [seed >> 32, seed & 0xFFFFFFFF]


def exponentials(key, n):
    return [-math.log1p(-unit(key, i)) for i in range(n)]


def gumbel(key, n):
    return [-math.log(x) for x in exponentials(key, n)]


def largest(row):
    return max(range(len(row)), key=lambda i: row[i])


def choice(key, weights, size):
    total, cumulated = 0.0, []
    for w in weights:
        total += w
        cumulated.append(total)
    return [next(j for j, c in enumerate(cumulated) if c > unit(key, i) * total) for i in range(size)]


def substream(key, name):
    own = threefry(key, name << 32)
    return lambda i, j: unit(own, (j << 40) + i)


def exp(x):
    if x < -800:
        return 0.0
    k = (x * float.fromhex("0x1.71547652b82fep+0") + 1.5 * 2.0**52) - 1.5 * 2.0**52
    r = (x - k * LOG2[0]) - k * LOG2[1]
    y = 1.0
    for n in range(14, 0, -1):
        y = 1 + r * y / n
    return math.ldexp(y, int(k))


def marsaglia_tsang(at, a):
    d = a - 1 / 3
    c = 1 / (3 * math.sqrt(d))
    j = 1
    while True:
        p, q, u = 2 * at(j) - 1, 2 * at(j + 1) - 1, at(j + 2)
        j += 3
        s = p * p + q * q
        if not 0 < s < 1:
            continue
        x = p * math.sqrt(-2 * log(s) / s)
        t = 1 + c * x
        v = t * t * t
        if t > 0 and log(u) < x * x * 0.5 + d * (1 - v + log(v)):
            return d * v


def gamma(at, a, is_log):
    if a >= 1:
        x = marsaglia_tsang(at, a)
        return log(x) if is_log else x
    x, power = marsaglia_tsang(at, a + 1), log(at(0)) / a
    return max(log(x) + power, -1.7976931348623157e308) if is_log else x * exp(power)


def inversion(at, rate):
    u = at(0)
    k, p = 0, exp(-rate)
    total = p
    while u > total:
        k += 1
        p = p * rate / k
        if total + p == total and k > rate:
            break
        total += p
    return k


def log_probability(k, rate):
    if k < 16:
        return k * log(rate) - rate - log(float(math.factorial(k)))
    r, total = 1 / (float(k) * k), 0.0
    for c in (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        total = total * r + c
    return (k - rate) - k * log(k / rate) - total / k - 0.5 * log(k * float.fromhex("0x1.921fb54442d18p+2"))


def rejection(at, rate):
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = 0.02483 * b - 0.059
    scale, squeeze = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    j = 0
    while True:
        u, v = at(j) - 0.5, at(j + 1)
        j += 2
        s = 0.5 - abs(u)
        k = math.floor((2 * a / s + b) * u + rate + 0.43)
        if s >= 0.07 and v <= squeeze:
            return k
        if not 0 <= k <= 2147483647 or (s < 0.013 and v > s):
            continue
        if log(v * scale / (a / (s * s) + b)) <= log_probability(k, rate):
            return k


def gammas(key, a, is_log):
    at = substream(key, 0x67616D61)
    return [gamma(lambda j: at(i, j), x, is_log) for i, x in enumerate(a)]


def poissons(key, rates):
    at = substream(key, 0x706F6973)
    return [(inversion if x < 10 else rejection)(lambda j: at(i, j), x) for i, x in enumerate(rates)]


def hashed(words):
    h = 2166136261
    for word in words:
        h = ((h ^ word) * 16777619) & MASK
    return h


PARAMETERS = [1e-300, 1e-3, 0.01, 0.3, 0.999, 1.0, 1.5, 7.0, 200.0, 1e5, 1e8, 1e300]
RATES = [0.0, 1e-300, 0.01, 0.7, 3.0, 9.999, 10.0, 17.5, 300.0, 1e5, 1e9, 2147483647.0 - 2**20]
KEYS = ([0, 0], [0, 1], [0xFFFFFFFF, 0x12345678])


def gamma_cases():
    for key in KEYS:
        for is_log in (False, True):
            a = PARAMETERS * 2
            yield {"key": key, "log": is_log, "a": a, "data": gammas(key, a, is_log)}


def gamma_hashes():
    for a in (1e-3, 0.3, 1.0, 2.5, 1e3, 1e16):
        data = gammas([3, 4], [a] * 3000, True)
        yield {"key": [3, 4], "a": a, "count": 3000, "hash": hashed(w for x in data for w in words_of(x, "float64"))}


def poisson_cases():
    for key in KEYS:
        yield {"key": key, "rate": RATES * 2, "data": poissons(key, RATES * 2)}


def poisson_hashes():
    for rate in (0.5, 9.5, 10.0, 41.3, 5e3, 2e9):
        count = 20000 if rate == 10 else 3000
        yield {"key": [3, 4], "rate": rate, "count": count, "hash": hashed(poissons([3, 4], [rate] * count))}


def quadrature(a, log_x):
    """-(∂P/∂a) / (x p): the score log t - ψ(a) integrated from 0 to x, or from x on."""
    a, log_x = mpmath.mpf(a), mpmath.mpf(log_x)
    x, psi = mpmath.exp(log_x), mpmath.psi(0, a)
    steps = [mpmath.mpf(k) for k in (0, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)]
    if x <= a or x < 1:
        # t = x e^-w
        scale = 1 / mpmath.sqrt(a) if a > 1 else 1 / a
        return mpmath.quad(lambda w: mpmath.exp(-a * w - x * mpmath.expm1(-w)) * (psi - log_x + w), [k * scale for k in steps])
    # t = x + s
    scale = mpmath.sqrt(x) if a > 1 else 1
    return mpmath.quad(
        lambda s: mpmath.exp((a - 1) * mpmath.log1p(s / x) - s) * (log_x + mpmath.log1p(s / x) - psi) / x, [k * scale for k in steps]
    )


def quantile(a, p):
    """Nearly the logarithm of the number of share p."""
    far = (mpmath.log(p) + mpmath.loggamma(a + 1)) / a
    if far < -12:
        return float(far)
    return float(mpmath.log(mpmath.mpf(gammaincinv(a, p))))


def slopes():
    for a in (1e-3, 0.05, 0.4, 1.0, 1.7, 3.0, 12.0, 80.0, 1e3, 9.9e3, 1.01e4, 1e6, 1e8):
        for p in (1e-6, 0.01, 0.4, 0.8, 0.99, 1 - 1e-6):
            y = quantile(a, p)
            slope = quadrature(a, y)
            yield [True, a, y, float(slope)]
            if y > -600:
                x = math.exp(y)
                yield [False, a, x, float(quadrature(a, mpmath.log(x)) * x)]


def check_slopes(table):
    """Against differences of SciPy's quantiles."""
    for is_log, a, y, slope in table:
        if is_log or not 0.3 < a < 200:
            continue
        p, h = gammainc(a, y), 1e-5 * a
        difference = (gammaincinv(a + h, p) - gammaincinv(a - h, p)) / (2 * h)
        assert abs(difference - slope) < 1e-6 * slope, (a, y, slope, difference)


def composed():
    key, n = key_of(5), 12
    logits = [0.5, -1.0, -math.inf, 2.0, 0.0]
    noise = gumbel(key, 5 * n)
    weights = [1.0, 0.0, 2.5, 0.5, 3.0]
    keys = [(math.log(w) if w > 0 else -math.inf) + g for w, g in zip(weights, noise)]
    mean, factor = [1.0, -2.0], [[2.0, 0.0], [-1.0, 0.5]]
    z = [[normal(key, 2 * i + j, 1) for j in range(2)] for i in range(4)]
    units = [unit(key, i) for i in range(n)]
    return {
        "seed": 5,
        "exponential": exponentials(key, n),
        "bernoulli": [u < 0.3 for u in units],
        "categorical": [largest([x + noise[5 * i + j] for j, x in enumerate(logits)]) for i in range(n)],
        "permutation": sorted(range(n), key=lambda i: units[i]),
        "integers": [math.floor(7 * u) for u in units],
        "weighted": choice(key, weights, n),
        "distinct": sorted(range(5), key=lambda i: -keys[i])[:4],
        "vectors": [[m + sum(f * x for f, x in zip(row, zs)) for m, row in zip(mean, factor)] for zs in z],
    }


def main():
    mpmath.mp.dps = 30
    about = {"source": "tools/goldens/random_distributions.py", "mpmath": mpmath.__version__, "scipy": scipy.__version__}
    tables = {
        "gamma": list(gamma_cases()),
        "gammaHashes": list(gamma_hashes()),
        "poisson": list(poisson_cases()),
        "poissonHashes": list(poisson_hashes()),
        "slopes": list(slopes()),
    }
    check_slopes(tables["slopes"])
    parts = [f'"about": {json.dumps(about)}', f'"composed": {json.dumps(composed())}']
    for name, rows in tables.items():
        lines = ",\n  ".join(json.dumps(row) for row in rows)
        parts.append(f'"{name}": [\n  {lines}\n ]')
    FILE.write_text("{\n " + ",\n ".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
