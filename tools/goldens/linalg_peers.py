"""Gradients and Hessian-vector products of L = Re Σ conj(cotangent) · output, once per system.

All are dL/dRe z + i dL/dIm z: the convention of TensorFlow and PyTorch; JAX gives the conjugate.
"""
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import tensorflow as tf
import torch

from linalg_ops import JAX, OPS, TF, TORCH

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)


def prepared(op, x, h):
    return {k: (a + h(a)) / 2 if k in op.hermitian else a for k, a in x.items()}


@functools.cache
def jax_function(name, attrs):
    op, t = OPS[name], json.loads(attrs)

    def loss(x, cotangents):
        y = op.jax(prepared(op, x, JAX.h), t)
        return sum(jnp.sum(jnp.real(jnp.conj(c) * y[k])) for k, c in cotangents.items()), y

    def run(x, cotangents, v):
        slope = lambda z: jax.grad(loss, has_aux=True)(z, cotangents)
        (g, y), (hv, _) = jax.jvp(slope, (x,), (v,))
        return y, jax.tree.map(jnp.conj, (g, hv))

    return jax.jit(run)


def by_jax(op, attrs, x, cotangents, v):
    y, (g, hv) = jax_function(op.name, json.dumps(attrs, sort_keys=True))(x, cotangents, v)
    return [{k: np.asarray(a) for k, a in part.items()} for part in (y, g, hv)]


def inner(p, q):
    return sum(torch.sum(torch.real(torch.conj(p[k]) * a)) for k, a in q.items())


def slope_of(value, z, **options):
    """The gradient. Of ⟨v, g⟩ it is the Hessian times v, as the Hessian is symmetric."""
    found = torch.autograd.grad(value, list(z.values()), allow_unused=True, **options) if value.requires_grad else [None] * len(z)
    return {k: torch.zeros_like(a) if f is None else f for (k, a), f in zip(z.items(), found)}


def jacobian_times(g, z, v):
    """J v without symmetry, by reverse mode alone: the gradient with respect to w of ⟨v, Jᵀw⟩ = ⟨J v, w⟩."""
    w = {k: torch.zeros_like(a, requires_grad=True) for k, a in g.items()}
    return slope_of(inner(v, slope_of(inner(w, g), z, create_graph=True)), w)


def by_torch(op, attrs, x, cotangents, v):
    to = lambda part: {k: torch.tensor(a) for k, a in part.items()}
    x, cotangents, v = to(x), to(cotangents), to(v)

    def loss(z):
        y = op.torch(prepared(op, z, TORCH.h), attrs)
        return sum(torch.sum(torch.real(torch.conj(c) * y[k])) for k, c in cotangents.items()), y

    z = {k: a.requires_grad_(True) for k, a in x.items()}
    value, y = loss(z)
    g = dict(zip(z, torch.autograd.grad(value, list(z.values()), create_graph=True)))
    hv = jacobian_times(g, z, v) if op.one_sided(attrs) else slope_of(inner(v, g), z)
    return [{k: a.detach().resolve_conj().numpy() for k, a in part.items()} for part in (y, g, hv)]


def by_tensorflow(op, attrs, x, cotangents, v):
    """Without gradients, and so without a Hessian-vector product, where an input is among those that TensorFlow takes for constants."""
    fixed = {k: a for k, a in x.items() if k in op.tensorflow_constants}
    z = {k: tf.Variable(a) for k, a in x.items() if k not in fixed}
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inputs = prepared(op, {k: tf.convert_to_tensor(a) for k, a in (z | fixed).items()}, TF.h)
            y = op.tensorflow(inputs, attrs)
            loss = sum(tf.reduce_sum(tf.math.real(tf.math.conj(tf.constant(c)) * y[k])) for k, c in cotangents.items())
        g = inner.gradient(loss, z, unconnected_gradients="zero")
        product = sum(tf.reduce_sum(tf.math.real(tf.math.conj(tf.constant(v[k])) * a)) for k, a in g.items())
    hv = {} if fixed else outer.gradient(product, z, unconnected_gradients="zero")
    return [{k: a.numpy() for k, a in part.items()} for part in (y, g, hv)]
