"""Asks SciPy, JAX, PyTorch and TensorFlow for matrix equations, generalised eigenvalues and updates of Cholesky factors, and JAX for gradients; prints answers.

    python tools/peers/equations.py
"""

import warnings

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jl
import numpy as np
import scipy.linalg as sl
import tensorflow as tf
import torch
from jax._src.lax.linalg import cholesky_update

warnings.simplefilter("ignore")
jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(0)


def ask(what, f):
    try:
        answer = f()
    except Exception as e:
        answer = f"raises {type(e).__name__}: {str(e).splitlines()[0][:120]}"
    print(f"{what}: {answer}")


def names(module, *parts):
    return [n for n in dir(module) if any(p in n.lower() for p in parts)]


def pair_error(complex_):
    """Of JAX's gradient of eigh(a, b), along one direction, against differences."""
    matrix = lambda: rng.standard_normal((4, 4)) + (1j * rng.standard_normal((4, 4)) if complex_ else 0)
    hermitian = lambda m: m + m.conj().T
    a, b, w, d, e = hermitian(matrix()), matrix(), rng.standard_normal((4, 4)), hermitian(matrix()), hermitian(matrix())
    b = b @ b.conj().T + np.eye(4)

    def loss(a, b):
        values, vectors = jl.eigh(a, b)
        return jnp.sum(w * jnp.abs(vectors) ** 2) + jnp.sum(jnp.cos(jnp.arange(4)) * values)

    ga, gb = jax.grad(loss, argnums=(0, 1))(jnp.asarray(a), jnp.asarray(b))
    h = 1e-5
    want = (loss(a + h * d, b + h * e) - loss(a - h * d, b - h * e)) / (2 * h)
    return float(abs(np.real(np.sum(ga * d) + np.sum(gb * e)) / want - 1))


def main():
    one, zero, eye = np.eye(1), np.zeros((1, 1)), np.eye(3)
    a, b = jnp.array([[1.0, 2.0], [0.5, 3.0]]), jnp.array([[2.0, 0.3], [0.3, 1.0]])
    for what, module in (("JAX", jl), ("PyTorch", torch.linalg), ("TensorFlow", tf.linalg)):
        print(f"{what} has {names(module, 'sylv', 'lyap', '_are', 'update')}")
    ask("JAX, gradient of sylvester", lambda: jax.grad(lambda a: jl.solve_sylvester(a, a, b).sum())(a))
    ask("JAX, gradient of a Cholesky update", lambda: jax.grad(lambda l: cholesky_update(l, jnp.ones(2)).sum())(jnp.linalg.cholesky(b)))
    ask("PyTorch, eigh(a, b)", lambda: torch.linalg.eigh(torch.tensor(np.array(b)), torch.tensor(np.array(b))))
    ask("JAX, error of the gradient of eigh(a, b)", lambda: [pair_error(c) for c in (False, True)])
    ask("SciPy, CARE with an unseen eigenvalue 0", lambda: sl.solve_continuous_are(zero, one, zero, one))
    ask("SciPy, DARE with an unseen eigenvalue 1", lambda: sl.solve_discrete_are(one, one, zero, one))
    beside = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    ask("SciPy, CARE beside what is controlled", lambda: sl.solve_continuous_are(beside, eye[:, 2:], eye, one))
    ask("SciPy, CARE of extreme units", lambda: sl.solve_continuous_are(1e200 * one, one, 1e200 * one, 1e-200 * one))


main()
