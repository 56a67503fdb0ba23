"""Asks TensorFlow, PyTorch and JAX for gradients of tridiagonal solves and of functions of singular values and eigenvectors where some are equal; prints errors.

    python tools/peers/structured.py

Gradients to compare with are JAX's of the same functions without spectra: dense solves, and matrix sign functions by Newton's iteration.
"""

import jax
import jax.numpy as jnp
import numpy as np
import tensorflow as tf
import torch

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(1)


def error(got, want):
    got, want = np.asarray(got), np.asarray(want)
    return "not finite" if not np.all(np.isfinite(got)) else f"{np.max(np.abs(got - want)) / np.max(np.abs(want)):.0e}"


def tridiagonal():
    normal = lambda *shape: rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    du, d, dl, b = normal(5), normal(5) + 3, normal(5), normal(5, 2)
    du[-1] = dl[0] = 0
    w = rng.standard_normal((5, 2))

    def loss(dl, d, du, b):
        a = jnp.diag(d) + jnp.diag(dl[1:], -1) + jnp.diag(du[:-1], 1)
        return jnp.sum(w * jnp.abs(jnp.linalg.solve(a, b)) ** 2)

    want = [np.conj(g) for g in jax.grad(loss, (0, 1, 2, 3))(*map(jnp.asarray, (dl, d, du, b)))]
    diagonals, right = tf.constant(np.stack([du, d, dl])), tf.constant(b)
    with tf.GradientTape() as tape:
        tape.watch([diagonals, right])
        value = tf.reduce_sum(w * tf.abs(tf.linalg.tridiagonal_solve(diagonals, right)) ** 2)
    ofDiagonals, ofRight = tape.gradient(value, [diagonals, right])
    print("complex tridiagonal solve, TensorFlow: diagonals", error(ofDiagonals, np.stack([want[2], want[1], want[0]])), "right-hand side", error(ofRight, want[3]))
    own = jax.grad(lambda *x: jnp.sum(w * jnp.abs(jax.lax.linalg.tridiagonal_solve(*x)) ** 2), (0, 1, 2, 3))(*map(jnp.asarray, (dl, d, du, b)))
    print("complex tridiagonal solve, JAX:", [error(np.conj(g), h) for g, h in zip(own, want)])


def sign(x):
    for _ in range(40):
        x = (x + jnp.linalg.inv(x)) / 2
    return x


def doubled(a):
    return jnp.block([[jnp.zeros((a.shape[0],) * 2), a], [a.T, jnp.zeros((a.shape[1],) * 2)]])


def tanh(a):
    h = jax.scipy.linalg.expm(2 * doubled(a))
    one = jnp.eye(h.shape[0])
    return jnp.linalg.solve(h + one, h - one)[: a.shape[0], a.shape[0] :]


def part(a):
    h = doubled(a)
    return (h @ (jnp.eye(h.shape[0]) + sign(h @ h - jnp.eye(h.shape[0]))) / 2)[: a.shape[0], a.shape[0] :]


def projector(a):
    a = (a + a.T) / 2
    return (jnp.eye(a.shape[0]) + sign(a - 1.2 * jnp.eye(a.shape[0]))) / 2


def equal():
    v = np.cos(np.arange(4.0) + 1)[:, None]
    q = np.eye(4) - 2 * v @ v.T / (v.T @ v)
    w = rng.standard_normal((4, 4))

    def svd_torch(f):
        def g(a):
            u, s, vh = torch.linalg.svd(a)
            return (u * f(s)) @ vh
        return g

    def svd_jax(f):
        def g(a):
            u, s, vh = jnp.linalg.svd(a)
            return (u * f(s)) @ vh
        return g

    def eigh_torch(a):
        _, x = torch.linalg.eigh(a)
        return x[:, 2:] @ x[:, 2:].T

    def eigh_jax(a):
        _, x = jnp.linalg.eigh(a)
        return x[:, 2:] @ x[:, 2:].T

    kept_torch, kept_jax = (lambda s: s * torch.tensor([1.0, 1, 0, 0])), (lambda s: s * jnp.array([1.0, 1, 0, 0]))
    for name, s, exact, by_torch, by_jax in (
        ("U tanh(S) V^T, two equal", [2, 2, 0.5, 0.25], tanh, svd_torch(torch.tanh), svd_jax(jnp.tanh)),
        ("U tanh(S) V^T, two zero", [2, 1, 0, 0], tanh, svd_torch(torch.tanh), svd_jax(jnp.tanh)),
        ("rank 2 part, the kept equal", [2, 2, 0.5, 0.25], part, svd_torch(kept_torch), svd_jax(kept_jax)),
        ("projector, kept and others equal", [2, 2, 0.5, 0.5], projector, eigh_torch, eigh_jax),
    ):
        a = q @ np.diag(s) @ q.T
        want = jax.grad(lambda x: jnp.sum(w * exact(x)))(jnp.asarray(a))
        symmetric = (lambda g: (g + g.T) / 2) if exact is projector else (lambda g: g)
        t = torch.tensor(a, requires_grad=True)
        try:
            (torch.tensor(w) * by_torch(t)).sum().backward()
            torch_error = error(symmetric(t.grad.numpy()), want)
        except Exception as e:  # noqa: BLE001
            torch_error = f"raises {type(e).__name__}"
        own = jax.grad(lambda x: jnp.sum(w * by_jax(x)))(jnp.asarray(a))
        print(f"{name}: PyTorch {torch_error}, JAX {error(symmetric(np.asarray(own)), want)}")


print("TensorFlow", tf.__version__, "PyTorch", torch.__version__, "JAX", jax.__version__)
tridiagonal()
equal()
