"""Writes test/golden/equations.json: what SciPy says of matrix equations and generalised eigenvalues, and mpmath of an ill-conditioned Stein equation.

    python tools/goldens/equations.py
"""

import json
import pathlib

import mpmath
import numpy as np
import scipy.linalg as sl

rng = np.random.default_rng(2027)


def matrix(m, n, complex_=False):
    a = rng.standard_normal((m, n))
    return a + 1j * rng.standard_normal((m, n)) if complex_ else a


def definite(n, complex_=False):
    a = matrix(n, n, complex_)
    return a @ a.conj().T + np.eye(n)


def out(x):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return {"re": x.real.tolist(), "im": x.imag.tolist()}
    return x.tolist()


def sylvester(m, n, c):
    a, b, q = matrix(m, m, c), matrix(n, n, c), matrix(m, n, c)
    return {"a": out(a), "b": out(b), "c": out(q), "x": out(sl.solve_sylvester(a, b, q))}


def lyapunov(n, c):
    a, q = matrix(n, n, c), matrix(n, n, c)
    return {"a": out(a), "q": out(q), "x": out(sl.solve_continuous_lyapunov(a, q)), "discrete": out(sl.solve_discrete_lyapunov(a, q, method="direct"))}


def near_the_circle():
    """An eigenvalue near the unit circle; by the Kronecker product in sixty digits."""
    mpmath.mp.dps = 60
    n = 3
    v = matrix(n, n)
    a = v @ np.diag([-1 + 2.0**-10, 0.5, -0.3]) @ np.linalg.inv(v)
    q = definite(n)
    m = mpmath.matrix(a.tolist())
    left = mpmath.eye(n * n)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                for l in range(n):
                    left[i * n + j, k * n + l] -= m[i, k] * m[j, l]
    right = mpmath.matrix([q[i, j] for i in range(n) for j in range(n)])
    x = mpmath.lu_solve(left, right)
    return {"a": out(a), "q": out(q), "x": [[float(x[i * n + j]) for j in range(n)] for i in range(n)]}


def riccati(n, k, c, singular=False):
    a, b, q, r = matrix(n, n, c), matrix(n, k, c), definite(n, c), definite(k, c)
    if singular:
        a[:, 0] = 0
    case = {"a": out(a), "b": out(b), "q": out(q), "r": out(r), "dare": out(sl.solve_discrete_are(a, b, q, r))}
    return case | {"care": out(sl.solve_continuous_are(a, b, q, r))}


def generalised(n, c):
    a, b = matrix(n, n, c), definite(n, c)
    a = a + a.conj().T
    return {"a": out(a), "b": out(b), "w": out(sl.eigh(a, b, eigvals_only=True))}


def main():
    sizes = [(c, n) for c in (False, True) for n in (1, 2, 5)]
    golden = {
        "sylvester": [sylvester(m, n, c) for c in (False, True) for m, n in ((3, 4), (5, 2), (1, 1))],
        "lyapunov": [lyapunov(n, c) for c, n in sizes],
        "near": near_the_circle(),
        "riccati": [riccati(n, k, c, s) for c in (False, True) for n, k, s in ((1, 1, False), (4, 2, False), (3, 3, True), (6, 2, True))],
        "eigh": [generalised(n, c) for c, n in sizes],
    }
    path = pathlib.Path(__file__).parents[2] / "test/golden/equations.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
