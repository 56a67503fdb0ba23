"""Golden values of logsumexp: test/golden/logsumexp.json.

Usage: python tools/goldens/logsumexp.py     (versions: tools/goldens/requirements.txt; seconds)

By scipy.special.logsumexp and softmax, in float64. Infinities and NaN are strings. The seed is fixed.
"""
import json
import pathlib

import numpy as np
import scipy
from scipy.special import logsumexp, softmax

FILE = pathlib.Path(__file__).resolve().parents[2] / "test/golden/logsumexp.json"
INF, NAN = np.inf, np.nan


def listed(a):
    return [float(v) if np.isfinite(v) else str(float(v)) for v in np.asarray(a).ravel()]


def case(x, axis=None, keepdims=False):
    x = np.asarray(x, dtype=float)
    with np.errstate(all="ignore"):
        y = logsumexp(x, axis=axis, keepdims=keepdims)
        entry = {"shape": list(x.shape), "x": listed(x), "axis": axis, "keepDims": keepdims, "y": listed(y)}
        if x.size and np.isfinite(x).all():
            entry["softmax"] = listed(softmax(x, axis=axis))
        return entry


def main():
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(3, 4, 5))
    cases = [case(normal * s + o, axis, keep) for s, o in ((1, 0), (300, 0), (1, 1e4), (1, -1e4)) for axis, keep in ((None, False), (1, True), ((0, 2), False))]
    cases += [case(x) for x in (
        [-INF, -INF], [-INF, 1], [INF, 1], [INF, -INF], [INF, INF], [NAN, 1], [INF, NAN], [-INF, NAN], [1000, 1000], [-1000, -1000.5], [0, -800],
        [710, 710, 710], [-750], [])]
    cases += [case(np.zeros((3, 0)), 1), case(np.zeros((0, 3)), 1)]
    about = f"tools/goldens/logsumexp.py, scipy {scipy.__version__}, numpy {np.__version__}"
    FILE.write_text(json.dumps({"about": about, "cases": cases}, indent=None).replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
