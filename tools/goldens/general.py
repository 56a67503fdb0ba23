"""Writes test/golden/general.json: what SciPy says of spectra and functions of general matrices, PyTorch of the gradient of eig, and mpmath, in sixty
digits, of functions of defective, badly scaled and nearly singular matrices.

    python tools/goldens/general.py
"""

import json
import pathlib

import mpmath
import numpy as np
import scipy.linalg as sl
import torch

rng = np.random.default_rng(15)
mpmath.mp.dps = 60


def matrix(n, complex_=False):
    a = rng.standard_normal((n, n))
    return a + 1j * rng.standard_normal((n, n)) if complex_ else a


def out(x):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return {"re": x.real.tolist(), "im": x.imag.tolist()}
    return x.tolist()


def in_order(w):
    return w[np.lexsort((w.imag.round(9), w.real.round(9)))]


def loss(a, c):
    """Of A = V diag(w) V^-1: sum |w|^2 + Re sum c (V diag(w) V^H), which neither order nor phases change."""
    w, v = torch.linalg.eig(a)
    return (w.abs() ** 2).sum() + (c * ((v * w) @ v.mH)).real.sum()


def eig(n, complex_):
    a = matrix(n, complex_)
    t = torch.tensor(a, requires_grad=True)
    c = torch.tensor(np.cos(np.arange(1, n * n + 1)).reshape(n, n))
    loss(t, c).backward()
    return {"a": out(a), "w": out(in_order(sl.eigvals(a).astype(complex))), "gradient": out(t.grad.numpy())}


def functions(n, complex_):
    a = matrix(n, complex_) / (3 * np.sqrt(n)) + 1.5 * np.eye(n)
    powers = [out(x if complex_ else x.real) for x in (sl.fractional_matrix_power(a, p) for p in (0.3, -1.7))]
    s = matrix(n, complex_)
    s += 3 * np.sqrt(n) * np.diag((-1.0) ** np.arange(n))
    return {"a": out(a), "sqrtm": out(sl.sqrtm(a)), "logm": out(sl.logm(a)), "powers": powers, "s": out(s), "signm": out(sl.signm(s))}


def exact(m):
    return np.array(m.tolist(), dtype=complex)


def hard(a):
    """Functions by an eigenbasis in sixty digits of a matrix perturbed by 1e-40."""
    n = len(a)
    m = mpmath.matrix(np.asarray(a, dtype=complex).tolist())
    for i in range(n):
        for j in range(n):
            m[i, j] += mpmath.mpf(10) ** -42 * mpmath.cos(1 + i * n + j) * (1 + abs(m[i, j]))
    mpmath.mp.dps = 200
    w, v = mpmath.eig(m)
    inverse = v**-1
    of = lambda f: v * mpmath.diag([f(x) for x in w]) * inverse
    case = {"a": out(a)}
    for name, f in (("sqrtm", mpmath.sqrt), ("logm", mpmath.log), ("power", lambda x: mpmath.exp(mpmath.mpf(0.3) * mpmath.log(x)))):
        y = exact(of(f))
        case[name] = out(y if np.iscomplexobj(a) else y.real)
    mpmath.mp.dps = 60
    return case


def main():
    turn = np.linalg.qr(matrix(4))[0]
    jordan = 2 * np.eye(4) + np.diag(np.ones(3), 1)
    scaled = np.diag([1e6, 1.0, 1e-6])
    golden = {
        "eig": [eig(n, c) for c in (False, True) for n in (1, 2, 5)],
        "functions": [functions(n, c) for c in (False, True) for n in (1, 2, 6)],
        "hard": [
            hard(jordan),
            hard(turn @ (jordan / 2) @ turn.T),
            hard((1 + 1j) * np.eye(3) + np.diag([1, 1], 1)),
            hard(np.array([[1, 1e5, 3], [1e-7, 2, 1e4], [0, 1e-5, 5]])),
            hard(scaled @ np.array([[3, 1, 1], [1, 3, -1], [-1, 1, 3]]) @ np.linalg.inv(scaled)),
            hard(np.array([[1e-8, 1.0], [0, 1e-8]])),
            hard(np.array([[0.3, -1], [1, 0.3]])),
            hard(np.array([[-1 + 0.01j, 1], [0, -1 - 0.01j]])),
        ],
    }
    path = pathlib.Path(__file__).parents[2] / "test/golden/general.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
