"""Golden numbers of random distributions: test/golden/random-distributions.json.

Usage: python tools/goldens/random_distributions.py     (versions: tools/goldens/requirements.txt)

`composed`: what lib/ops/variates.ts and choosing.ts make of uniform and normal numbers, written again on random_numbers.py; floats are right to
some units in the last place, integers exactly.
"""
import json
import math
import pathlib

import mpmath
from random_numbers import FILE as NUMBERS
from random_numbers import normal, unit

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
    mpmath.mp.prec = 200
    parts = {"about": {"source": "tools/goldens/random_distributions.py", "mpmath": mpmath.__version__}, "composed": composed()}
    lines = ",\n ".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in parts.items())
    FILE.write_text(f"{{\n {lines}\n}}\n")


if __name__ == "__main__":
    main()
