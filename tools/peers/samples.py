"""Stacks of singular 4 x 4 matrices so that no verdict on `det` hangs on how one matrix happens to round."""
import numpy as np
from cases import KINDS, draw

COUNT = 20


def stack(corank, kind):
    """Entries are multiples of 1/8 below 32: minors, and their differences along v, are exact in double precision."""
    found = []
    for seed in range(1000):
        a = (2 * draw(seed, (4, 4 - corank), kind)) @ (2 * draw(seed + 5000, (4 - corank, 4), kind)) / 8
        if np.linalg.matrix_rank(a) == 4 - corank:
            found.append(a)
        if len(found) == COUNT:
            return np.stack(found)
    raise ValueError("too few")


def minor(a, i, j):
    m = np.delete(np.delete(a, i, 0), j, 1)
    return (
        m[0, 0] * (m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1])
        - m[0, 1] * (m[1, 0] * m[2, 2] - m[1, 2] * m[2, 0])
        + m[0, 2] * (m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0])
    )


def gradient(a):
    """The gradient of Re det A: conjugated cofactors."""
    return np.array([[(-1) ** (i + j) * np.conj(minor(a, i, j)) for j in range(4)] for i in range(4)])


def along(a, v):
    """Its derivative along v; cofactors are of degree 3, so that these differences have no truncation error."""
    d = lambda t: gradient(a + t * v)
    return (8 * (d(1) - d(-1)) - (d(2) - d(-2))) / 12


SAMPLES = {f"det.sample.{kind}.corank{corank}": (corank, kind) for corank in (1, 2) for kind in KINDS}


def title(id):
    corank, kind = SAMPLES[id]
    return f"{COUNT} matrices of corank {corank}, {kind}"


def count(x, id):
    """'gradient right for 20 of 20, Hessian-vector product for 18'."""
    corank, kind = SAMPLES[id]
    v = draw(8, (4, 4), kind)
    right = [0, 0]
    for a in stack(corank, kind):
        for k, want in enumerate((gradient(a), along(a, v))):
            for way in x.derivatives(lambda t: x.sum(x.real(x.det(t))), x.array(a), k + 1, x.array(v)):
                try:
                    if np.max(np.abs(np.asarray(way()) - want)) <= 1e-9 * (np.max(np.abs(want)) or 1):
                        right[k] += 1
                        break
                except Exception:
                    continue
    return f"gradient right for {right[0]} of {COUNT}, Hessian-vector product for {right[1]}"
