"""Writes test/golden/factorizations.json: what NumPy, SciPy and JAX say of QR, SVD, pseudoinverse and polar factors, and mpmath of exponentials.

    python tools/goldens/factorizations.py

Gradients are those of JAX, of losses that depend on no phase; complex ones conjugated, as dL/dRe + i dL/dIm is here.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import scipy.linalg as sl

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(2026)


def matrix(m, n, complex_=False):
    a = rng.standard_normal((m, n))
    return a + 1j * rng.standard_normal((m, n)) if complex_ else a


def out(x):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return {"re": x.real.tolist(), "im": x.imag.tolist()}
    return x.tolist()


def gradient(loss, a):
    return out(np.conj(jax.grad(loss)(jnp.asarray(a))))


def weights(*shape):
    return jnp.cos(jnp.arange(np.prod(shape), dtype=float) + 1).reshape(shape)


def vectors(a):
    """What of U and Vᴴ depends on no phase: |U|² and |V|², weighted."""
    u, s, vh = jnp.linalg.svd(a, full_matrices=False)
    return jnp.sum(weights(*u.shape) * jnp.abs(u) ** 2) + jnp.sum(weights(*vh.shape) * jnp.abs(vh) ** 2) + jnp.sum(weights(*s.shape) * s)


def triangle(a):
    q, r = jnp.linalg.qr(a)
    return jnp.sum(weights(*q.shape) * jnp.abs(q) ** 2) + jnp.sum(weights(*r.shape) * jnp.abs(r) ** 2)


def inverse(a):
    return jnp.real(jnp.sum(weights(a.shape[1], a.shape[0]) * jnp.linalg.pinv(a)))


def exponential(a):
    """By mpmath, as SciPy loses five digits of the badly scaled ones; along the matrix of ones through the block triangular exponential."""
    mpmath.mp.dps = 60
    n = a.shape[0]
    block = np.block([[a, np.ones_like(a)], [np.zeros_like(a), a]])
    whole = mpmath.expm(mpmath.matrix(block.tolist()), method="taylor")
    part = lambda i, j: [[whole[r + i, c + j] for c in range(n)] for r in range(n)]
    number = lambda rows: np.array([[complex(x) for x in row] for row in rows]) if np.iscomplexobj(a) else np.array([[float(x.real) for x in row] for row in rows])
    return {"a": out(a), "y": out(number(part(0, 0))), "along": out(number(part(0, n)))}


def main():
    cases = []
    for complex_ in (False, True):
        for m, n in ((4, 4), (5, 3), (3, 5), (1, 3), (3, 1), (1, 1)):
            a = matrix(m, n, complex_)
            q, r = np.linalg.qr(a)
            u, p = sl.polar(a)
            case = {"a": out(a), "s": out(np.linalg.svd(a, compute_uv=False)), "r": out(np.abs(r)), "pinv": out(np.linalg.pinv(a)), "polar": out(u), "size": out(p)}
            case["svdGradient"] = gradient(vectors, a)
            if m >= n:
                case["qrGradient"] = gradient(triangle, a)
            case["pinvGradient"] = gradient(inverse, a)
            case["norms"] = [float(np.linalg.norm(a, o)) for o in (2, -2, "nuc")]
            case["rank"] = int(np.linalg.matrix_rank(a))
            case["cond"] = [float(np.linalg.cond(a, p)) for p in (2, -2)]
            cases.append(case)
    low = matrix(5, 2) @ matrix(2, 4)
    deficient = {"a": out(low), "pinv": out(np.linalg.pinv(low)), "rank": int(np.linalg.matrix_rank(low))}
    exponentials = [
        matrix(3, 3),
        matrix(4, 4, True),
        20 * matrix(3, 3),
        1e-9 * matrix(3, 3),
        np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
        np.array([[1.0, 1e6], [0.0, 1.0 + 1e-6]]),  # badly scaled: Al-Mohy & Higham (2009), example 2.1, and the next
        np.array([[-49.0, 24.0], [-64.0, 31.0]]),
        np.array([[1.0, 1e4], [0.0, -1.0]]),
        np.diag([-700.0, 0.0, 5.0]),
    ]
    expm = [exponential(a) for a in exponentials]
    path = pathlib.Path(__file__).parents[2] / "test/golden/factorizations.json"
    path.write_text(json.dumps({"matrices": cases, "deficient": deficient, "expm": expm}, separators=(",", ":")) + "\n")


main()
