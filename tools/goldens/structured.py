"""Writes test/golden/structured.json: what NumPy, SciPy, JAX and PyTorch say of structured matrices, equations with them, pivoted QR and products of reflectors.

    python tools/goldens/structured.py

Gradients are those of JAX and PyTorch, of Σ w |y|² with w as in `weights`; JAX's complex ones conjugated, as dL/dRe + i dL/dIm is here.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl
import torch

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(15)


def normal(*shape, complex_=False):
    a = rng.standard_normal(shape)
    return a + 1j * rng.standard_normal(shape) if complex_ else a


def out(x):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return {"re": x.real.tolist(), "im": x.imag.tolist()}
    return x.tolist()


def weights(*shape):
    return np.cos(np.arange(np.prod(shape), dtype=float) + 1).reshape(shape)


def patterned(complex_):
    x, c, r = normal(3, complex_=complex_), normal(4, complex_=complex_), normal(3, complex_=complex_)
    return {
        "x": out(x),
        "c": out(c),
        "r": out(r),
        "vander": [out(np.vander(x)), out(np.vander(x, 5)), out(np.vander(x, 2, increasing=True)), out(np.vander(x, 0))],
        "toeplitz": [out(sl.toeplitz(c)), out(sl.toeplitz(c, r))],
        "hankel": [out(sl.hankel(c)), out(sl.hankel(c, r))],
        "circulant": out(sl.circulant(c)),
    }


def tensors(complex_):
    a, b = normal(2, 3, 6, complex_=complex_), normal(2, 3, complex_=complex_)
    moved, inverse = normal(6, 2, 3, complex_=complex_), normal(4, 2, 8, complex_=complex_)
    return {
        "a": out(a),
        "b": out(b),
        "x": out(np.linalg.tensorsolve(a, b)),
        "moved": out(moved),
        "xMoved": out(np.linalg.tensorsolve(moved, b, axes=(0,))),
        "inverse": out(inverse),
        "y": out(np.linalg.tensorinv(inverse, ind=2)),
        "y1": out(np.linalg.tensorinv(inverse.reshape(8, 4, 2), ind=1)),
    }


def tridiagonal(n, k, complex_):
    dl, d, du = (normal(n, complex_=complex_) for _ in range(3))
    b = normal(n, k, complex_=complex_)
    a = np.diag(d) + np.diag(dl[1:], -1) + np.diag(du[:-1], 1)
    w = jnp.asarray(weights(n, k))

    def loss(dl, d, du, b):  # through the dense matrix, as JAX's own rule has no pivots
        a = jnp.diag(d) + jnp.diag(dl[1:], -1) + jnp.diag(du[:-1], 1)
        return jnp.sum(w * jnp.abs(jnp.linalg.solve(a, b)) ** 2)

    gradients = jax.grad(loss, argnums=(0, 1, 2, 3))(*map(jnp.asarray, (dl, d, du, b)))
    return {"dl": out(dl), "d": out(d), "du": out(du), "b": out(b), "x": out(np.linalg.solve(a, b)), "gradients": [out(np.conj(g)) for g in gradients]}


def banded(n, lower, upper, k, complex_):
    ab, b = normal(lower + upper + 1, n, complex_=complex_), normal(n, k, complex_=complex_)
    w = jnp.asarray(weights(n, k))

    def loss(ab, b):
        a = sum(jnp.diag(ab[upper - o, max(o, 0) : n + min(o, 0)], o) for o in range(-lower, upper + 1) if abs(o) < n)
        return jnp.sum(w * jnp.abs(jnp.linalg.solve(a, b)) ** 2)

    gradients = jax.grad(loss, argnums=(0, 1))(jnp.asarray(ab), jnp.asarray(b))
    return {
        "lower": lower,
        "upper": upper,
        "ab": out(ab),
        "b": out(b),
        "x": out(sl.solve_banded((lower, upper), ab, b)),
        "gradients": [out(np.conj(g)) for g in gradients],
    }


def definite(n, bands, complex_):
    ab = normal(bands + 1, n, complex_=complex_)
    ab[0] = 4 + 2 * bands + ab[0].real  # lower form
    upper = np.zeros_like(ab)
    for o in range(bands + 1):
        upper[bands - o, o:] = np.conj(ab[o, : n - o])
    b = normal(n, 2, complex_=complex_)
    lower = sl.cholesky_banded(ab, lower=True)
    dense = sum(np.diag(lower[o, : n - o], -o) for o in range(bands + 1))
    return {
        "lowerForm": out(ab),
        "upperForm": out(upper),
        "lower": out(np.stack([np.concatenate([lower[o, : n - o], np.zeros(o)]) for o in range(bands + 1)])),
        "upper": out(np.stack([np.concatenate([np.zeros(bands - i), sl.cholesky_banded(upper)[i, bands - i :]]) for i in range(bands + 1)])),
        "b": out(b),
        "solved": [out(sl.solve_triangular(dense, b, lower=True)), out(sl.solve_triangular(dense, b, lower=True, trans="C"))],
    }


def toeplitz_system(n, complex_):
    c, r, b = (normal(n, complex_=complex_) for _ in range(3))
    return {"c": out(c), "r": out(r), "b": out(b), "x": out(sl.solve_toeplitz((c, r), b))}


def pivoted(m, n, complex_):
    a = normal(m, n, complex_=complex_)
    q, r, p = sl.qr(a, mode="economic", pivoting=True)
    return {"a": out(a), "q": out(q), "r": out(r), "pivots": p.tolist()}


def reflectors(m, n, k, complex_):
    a, tau = normal(m, n, complex_=complex_), normal(k, complex_=complex_)
    ta, tt = (torch.tensor(t, requires_grad=True) for t in (a, tau))
    q = torch.linalg.householder_product(ta, tt)
    (torch.tensor(weights(m, n)) * q.abs() ** 2).sum().backward()
    return {"a": out(a), "tau": out(tau), "q": out(q.detach().numpy()), "gradients": [out(t.grad.numpy()) for t in (ta, tt)]}


def main():
    both = (False, True)
    d, e = normal(6), normal(5)
    w, v = sl.eigh_tridiagonal(d, e)
    golden = {
        "patterned": [patterned(c) for c in both],
        "tensors": [tensors(c) for c in both],
        "tridiagonal": [tridiagonal(n, k, c) for c in both for n, k in ((1, 1), (2, 1), (6, 2))],
        "banded": [banded(n, l, u, k, c) for c in both for n, l, u, k in ((1, 0, 0, 1), (6, 1, 2, 2), (6, 3, 0, 1), (4, 0, 2, 1), (3, 4, 4, 1))],
        "definite": [definite(n, b, c) for c in both for n, b in ((1, 0), (6, 2), (5, 4))],
        "toeplitzSystem": [toeplitz_system(n, c) for c in both for n in (1, 5)],
        "pivoted": [pivoted(m, n, c) for c in both for m, n in ((4, 4), (6, 3), (3, 6))],
        "reflectors": [reflectors(m, n, k, c) for c in both for m, n, k in ((4, 4, 4), (6, 3, 3), (6, 4, 2))],
        "eighTridiagonal": {"d": out(d), "e": out(e), "w": out(w), "v": out(np.abs(v))},
    }
    path = pathlib.Path(__file__).parents[2] / "test/golden/structured.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
