"""Asks SciPy, JAX, PyTorch and TensorFlow for functions and spectra of general matrices, and for their gradients; prints answers.

    python tools/peers/general.py
"""

import warnings

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jl
import numpy as np
import scipy.linalg as sl
import tensorflow as tf
import torch

warnings.simplefilter("ignore")
jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(0)


def ask(what, f):
    try:
        answer = f()
    except Exception as e:
        answer = f"raises {type(e).__name__}: {str(e).splitlines()[0][:120]}"
    print(f"{what}: {answer}")


def error(gradient, f, a):
    """Of a gradient of Re sum f, along one direction, against differences of SciPy's f."""
    e = rng.standard_normal(a.shape) + (1j * rng.standard_normal(a.shape) if np.iscomplexobj(a) else 0)
    h = 1e-5
    want = (f(a + h * e) - f(a - h * e)).sum().real / (2 * h)
    return abs((np.conj(np.asarray(gradient)) * e).sum().real / want - 1)


def tf_gradient(f, a):
    x = tf.constant(a)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.math.real(tf.reduce_sum(f(x)))
    return tape.gradient(y, x).numpy()


def torch_gradient(f, a):
    x = torch.tensor(a, requires_grad=True)
    f(x).backward()
    return x.grad.numpy()


def main():
    real = np.eye(4) * 2 + rng.standard_normal((4, 4)) / 4
    full = real + 1j * rng.standard_normal((4, 4)) / 4
    jordan = np.array([[2.0, 1.0], [0.0, 2.0]])
    for what, module in (("JAX", jl), ("PyTorch", torch.linalg), ("TensorFlow", tf.linalg)):
        print(f"{what} has {[n for n in ('sqrtm', 'logm', 'fractional_matrix_power', 'signm', 'schur', 'hessenberg', 'eig') if hasattr(module, n)]}")
    for name, a in (("real", real), ("complex", full), ("a Jordan block", jordan)):
        ask(f"TensorFlow, error of the gradient of sqrtm, {name}", lambda: error(tf_gradient(tf.linalg.sqrtm, a), sl.sqrtm, a))
        ask(f"JAX, gradient of sqrtm, {name}", lambda: jax.grad(lambda x: jl.sqrtm(x).sum().real)(jnp.asarray(a)))
    ask("TensorFlow, gradient of logm, complex", lambda: error(tf_gradient(tf.linalg.logm, full), sl.logm, full))
    trace = lambda x: torch.linalg.eigvals(x).sum().real
    squares = lambda x: (torch.linalg.eig(x)[1].abs() ** 4).sum()
    for name, a in (("identity", np.eye(2)), ("a Jordan block", jordan)):
        ask(f"PyTorch, gradient of the sum of eigvals, {name}", lambda: torch_gradient(trace, a).tolist())
        ask(f"PyTorch, gradient of sum |v|^4, {name}", lambda: torch_gradient(squares, a).tolist())
        ask(f"JAX, gradient of the sum of eigvals, {name}", lambda: jax.grad(lambda x: jnp.linalg.eigvals(x).sum().real)(jnp.asarray(a)).tolist())
        ask(f"JAX, gradient of sum |v|^4, {name}", lambda: jax.grad(lambda x: (jnp.abs(jnp.linalg.eig(x)[1]) ** 4).sum())(jnp.asarray(a)).tolist())
    ask("JAX, gradient of schur", lambda: jax.grad(lambda x: jl.schur(x)[0].sum())(jnp.asarray(real)))


main()
