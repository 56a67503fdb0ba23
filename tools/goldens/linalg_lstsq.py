"""Least squares, with and without a regularizer λ, which is an input: no peer has its gradient, so it is that of closed forms."""
import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl
import tensorflow as tf
import torch

from linalg_ops import JAX, NP, TF, TORCH, add, items

CUT = 1e-10  # relative to the largest singular value: below it, method "svd" has zeros


def least_squares(system, f):
    """From a function of a, b, the attributes and λ, [..., 1, 1] or None."""

    def run(x, t):
        l2 = x["l2"][..., None, None] if "l2" in x else None
        return system.solver(lambda a, b, t: f(a, b, t, l2))(x, t)

    return run


def augmented(a, l2):
    """[A; √λ I] of one item."""
    return np.concatenate([a, np.sqrt(l2) * np.eye(a.shape[1])])


def numpy_lstsq(a, b, t, l2):
    cut = CUT if t["method"] == "svd" else None
    if l2 is None:
        return items(lambda a, b: sl.lstsq(a, b, cond=cut)[0], a, b)
    padded = lambda a, b, l2: sl.lstsq(augmented(a, l2[0, 0]), np.concatenate([b, np.zeros((a.shape[1], b.shape[1]))]))[0]
    return items(padded, a, b, l2)


def jax_lstsq(a, b, t, l2):
    """The normal equations of the first or second kind; by the pseudoinverse where the rank may be lower."""
    if t["method"] == "svd" and l2 is None:
        return jnp.linalg.pinv(a, rtol=CUT) @ b
    tall, h = a.shape[-2] >= a.shape[-1], JAX.h(a)
    gram = h @ a if tall else a @ h
    if l2 is not None:
        gram = gram + l2 * jnp.eye(gram.shape[-1])
    return jnp.linalg.solve(gram, h @ b) if tall else h @ jnp.linalg.solve(gram, b)


def torch_lstsq(a, b, t, l2):
    """By pseudoinverses, with a regularizer of [A; √λ I]; √λ has no derivative at 0, so there by the normal equations, too."""
    if l2 is None:
        return torch.linalg.pinv(a, rtol=CUT) @ b
    if not torch.all(l2 > 0):
        tall = a.shape[-2] >= a.shape[-1]
        gram = (a.mH @ a if tall else a @ a.mH) + l2 * torch.eye(min(a.shape[-2:]))
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        return inverse @ (a.mH @ b) if tall else a.mH @ (inverse @ b)
    n = a.shape[-1]
    rows = torch.broadcast_to(torch.sqrt(l2) * torch.eye(n, dtype=a.dtype), (*a.shape[:-2], n, n))
    return torch.linalg.pinv(torch.cat([a, rows], -2))[..., : a.shape[-2]] @ b


def tf_lstsq(a, b, t, l2):
    """The op with the registered gradient: tf.linalg.lstsq composes others for small matrices."""
    return tf.raw_ops.MatrixSolveLs(matrix=a, rhs=b, l2_regularizer=0.0 if l2 is None else tf.reshape(l2, []), fast=True)


def trust_tf_lstsq(t, is_complex):
    """Not for complex matrices with m >= n: its rule has a transpose where the adjoint belongs. It knows one λ and regular matrices."""
    m, n = t["shapes"]["a"][-2:]
    return not (is_complex and m >= n) and t["method"] != "svd" and t["shapes"].get("l2", ()) == ()


add(
    "lstsq",
    numpy=least_squares(NP, numpy_lstsq),
    jax=least_squares(JAX, jax_lstsq),
    torch=least_squares(TORCH, torch_lstsq),
    tensorflow=least_squares(TF, tf_lstsq),
    trust_tensorflow=trust_tf_lstsq,
    tensorflow_constants=("l2",),
    real=("l2",),
    one_sided=lambda t: t["method"] == "svd",
)
