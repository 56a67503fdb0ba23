"""What each golden case computes, once per system: a function of a dict of inputs and the attributes to a dict of outputs.

NumPy and SciPy give the forward values, item by item where they know no batches; JAX, PyTorch and TensorFlow the derivatives. Operands
are broadcast beforehand (`together`), so that the peers' own rules of broadcasting play no part. Hermitian inputs arrive as (A + Aᴴ)/2,
formed inside of the loss: so every system's gradient is the Hermitian one.
"""
import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
import scipy.linalg as sl
import tensorflow as tf
import torch

from linalg_sample import adjoint


@dataclasses.dataclass
class Op:
    name: str
    numpy: Callable
    jax: Callable
    torch: Callable
    tensorflow: Callable | None = None
    # of the attributes (with the shapes) and whether the case is complex: TensorFlow knows the case and is right
    trust_tensorflow: Callable = lambda attrs, is_complex: True
    tensorflow_constants: tuple[str, ...] = ()
    hermitian: tuple[str, ...] = ()
    # inputs that are real in complex cases, too
    real: tuple[str, ...] = ()
    # outputs without derivatives
    constant: tuple[str, ...] = ()
    # of the attributes: only the derivative of the gradient along the given direction is defined, so the Hessian may not be transposed
    one_sided: Callable = lambda attrs: False


OPS: dict[str, Op] = {}


def add(name, **given):
    OPS[name] = Op(name, **given)


def items(f, *arrays):
    """f over the leading dimensions of matrices; f returns an array or a tuple of them."""
    batch = np.broadcast_shapes(*[a.shape[:-2] for a in arrays])
    flat = [np.broadcast_to(a, batch + a.shape[-2:]).reshape(-1, *a.shape[-2:]) for a in arrays]
    found = [f(*xs) for xs in zip(*flat)]
    if isinstance(found[0], tuple):
        return tuple(np.stack(o).reshape(batch + o[0].shape) for o in zip(*found))
    return np.stack(found).reshape(batch + found[0].shape)


class System:
    """The few functions whose names differ."""

    def __init__(self, adjoint, broadcast, promote):
        self.h, self.broadcast, self.promote = adjoint, broadcast, promote

    def together(self, a, b):
        """a and b of one dtype and batch."""
        a, b = self.promote(a, b)
        batch = np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
        return self.broadcast(a, (*batch, *a.shape[-2:])), self.broadcast(b, (*batch, *b.shape[-2:]))

    def solver(self, f, names=("a", "b")):
        """From a function of two matrices; a vector b is a column, on the right side a row."""

        def run(x, t):
            a, b = (x[k] for k in names)
            row = t.get("side") == "right"
            if len(b.shape) > 1:
                return {"x": f(*self.together(a, b), t)}
            y = f(*self.together(a, b[None, :] if row else b[:, None]), t)
            return {"x": y[..., 0, :] if row else y[..., 0]}

        return run


def jax_promote(a, b):
    t = jnp.promote_types(a.dtype, b.dtype)
    return a.astype(t), b.astype(t)


def torch_promote(a, b):
    t = torch.promote_types(a.dtype, b.dtype)
    return a.to(t), b.to(t)


def tf_promote(a, b):
    t = a.dtype if a.dtype.is_complex else b.dtype
    return tf.cast(a, t), tf.cast(b, t)


NP = System(adjoint, np.broadcast_to, lambda a, b: (a, b))
JAX = System(lambda a: jnp.conj(jnp.swapaxes(a, -1, -2)), jnp.broadcast_to, jax_promote)
TORCH = System(lambda a: a.mH, torch.broadcast_to, torch_promote)
TF = System(tf.linalg.adjoint, tf.broadcast_to, tf_promote)


def of_a(f, output="y"):
    """A function of `a` alone, of an array to one output (or to several: a tuple of names)."""
    if isinstance(output, tuple):
        return lambda x, t: dict(zip(output, f(x["a"])))
    return lambda x, t: {output: f(x["a"])}


# ---- LU and its kin ----

add(
    "inv",
    numpy=lambda x, t: {"y": np.linalg.inv(adjoint(x["a"]) if t["adjoint"] else x["a"])},
    jax=lambda x, t: {"y": jnp.linalg.inv(JAX.h(x["a"]) if t["adjoint"] else x["a"])},
    torch=lambda x, t: {"y": torch.linalg.inv(x["a"].mH if t["adjoint"] else x["a"])},
    tensorflow=lambda x, t: {"y": tf.linalg.inv(x["a"], adjoint=t["adjoint"])},
)
add(
    "det",
    numpy=of_a(np.linalg.det, "d"),
    jax=of_a(jnp.linalg.det, "d"),
    torch=of_a(torch.linalg.det, "d"),
    tensorflow=of_a(tf.linalg.det, "d"),
    # its rule lacks a conjugate: gradients of complex determinants are wrong by their own size
    trust_tensorflow=lambda attrs, is_complex: not is_complex,
)
PAIR = ("sign", "logabsdet")
add(
    "slogdet",
    numpy=of_a(np.linalg.slogdet, PAIR),
    jax=of_a(jnp.linalg.slogdet, PAIR),
    torch=of_a(torch.linalg.slogdet, PAIR),
    tensorflow=of_a(tf.linalg.slogdet, PAIR),
    # it has no gradient of the sign, which complex matrices need, and raises for their logarithm
    trust_tensorflow=lambda attrs, is_complex: not is_complex,
)
add(
    "logdet",
    numpy=of_a(lambda a: np.linalg.slogdet(a)[1]),
    jax=of_a(lambda a: jnp.linalg.slogdet(a)[1]),
    torch=of_a(lambda a: torch.linalg.slogdet(a)[1]),
    tensorflow=of_a(lambda a: 2 * tf.reduce_sum(tf.math.log(tf.math.real(tf.linalg.diag_part(tf.linalg.cholesky(a)))), -1)),
    hermitian=("a",),
)
PLU = ("p", "l", "u")
# of single matrices in JAX
JAX_LU = jnp.vectorize(jsl.lu, signature="(m,n)->(m,m),(m,k),(k,n)")
add("lu", numpy=of_a(sl.lu, PLU), jax=of_a(JAX_LU, PLU), torch=of_a(torch.linalg.lu, PLU), constant=("p",))
add(
    "solve",
    numpy=NP.solver(lambda a, b, t: np.linalg.solve(adjoint(a) if t["adjoint"] else a, b)),
    jax=JAX.solver(lambda a, b, t: jnp.linalg.solve(JAX.h(a) if t["adjoint"] else a, b)),
    torch=TORCH.solver(lambda a, b, t: torch.linalg.solve(a.mH if t["adjoint"] else a, b)),
    tensorflow=TF.solver(lambda a, b, t: tf.linalg.solve(a, b, adjoint=t["adjoint"])),
)

# ---- Triangular ----


def numpy_triangular(a, b, t):
    """By a general solve with the triangle that is meant."""
    k = 1 if t["unitDiagonal"] else 0
    m = (np.tril(a, -k) if t["lower"] else np.triu(a, k)) + k * np.eye(a.shape[-1])
    m = adjoint(m) if t["adjoint"] else np.swapaxes(m, -1, -2) if t["transpose"] else m
    if t["side"] == "left":
        return np.linalg.solve(m, b)
    return np.swapaxes(np.linalg.solve(np.swapaxes(m, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)


def jax_triangular(a, b, t):
    return jax.lax.linalg.triangular_solve(
        a,
        b,
        left_side=t["side"] == "left",
        lower=t["lower"],
        transpose_a=t["adjoint"] or t["transpose"],
        conjugate_a=t["adjoint"],
        unit_diagonal=t["unitDiagonal"],
    )


def torch_triangular(a, b, t):
    flipped = t["adjoint"] or t["transpose"]
    m = a.mH if t["adjoint"] else a.mT if t["transpose"] else a
    options = {"upper": t["lower"] == flipped, "left": t["side"] == "left", "unitriangular": t["unitDiagonal"]}
    return torch.linalg.solve_triangular(m, b, **options)


add(
    "solveTriangular",
    numpy=NP.solver(numpy_triangular),
    jax=JAX.solver(jax_triangular),
    torch=TORCH.solver(torch_triangular),
    tensorflow=TF.solver(lambda a, b, t: tf.linalg.triangular_solve(a, b, lower=t["lower"], adjoint=t["adjoint"])),
    # TensorFlow has no transpose, unit diagonal or right side
    trust_tensorflow=lambda t, is_complex: not (t["transpose"] or t["unitDiagonal"] or t["side"] == "right"),
)

# ---- Cholesky ----

add(
    "cholesky",
    numpy=of_a(np.linalg.cholesky, "l"),
    jax=of_a(jnp.linalg.cholesky, "l"),
    torch=of_a(torch.linalg.cholesky, "l"),
    tensorflow=of_a(tf.linalg.cholesky, "l"),
    hermitian=("a",),
)
add(
    "choleskySolve",
    numpy=NP.solver(lambda l, b, t: np.linalg.solve(np.tril(l) @ adjoint(np.tril(l)), b), ("l", "b")),
    jax=JAX.solver(
        lambda l, b, t: jax.lax.linalg.triangular_solve(
            l,
            jax.lax.linalg.triangular_solve(l, b, left_side=True, lower=True),
            left_side=True,
            lower=True,
            transpose_a=True,
            conjugate_a=True,
        ),
        ("l", "b"),
    ),
    torch=TORCH.solver(lambda l, b, t: torch.cholesky_solve(b, torch.tril(l)), ("l", "b")),
    tensorflow=TF.solver(lambda l, b, t: tf.linalg.cholesky_solve(l, b), ("l", "b")),
)

# ---- Spectra ----


def projections(w, v, conj, real, h, constant=lambda x, like: x):
    """
    What does not depend on the phases of the vectors: w, s = |V|², m = V diag(c) Vᴴ with c_k = 1/(k + 2); m tells the phases of complex
    entries against each other, which s does not.
    """
    c = constant(1 / (np.arange(w.shape[-1]) + 2.0), v)
    return {"w": w, "s": real(v * conj(v)), "m": (v * c) @ h(v)}


def torch_eigh(a):
    return projections(*torch.linalg.eigh(a), torch.conj, torch.real, TORCH.h, lambda c, like: torch.tensor(c))


def tf_eigh(a):
    w, v = tf.linalg.eigh(a)  # complex eigenvalues for a complex matrix
    return projections(tf.math.real(w), v, tf.math.conj, tf.math.real, TF.h, lambda c, like: tf.constant(c, like.dtype))


add(
    "eigh",
    numpy=lambda x, t: projections(*np.linalg.eigh(x["a"]), np.conj, np.real, NP.h),
    jax=lambda x, t: projections(*jnp.linalg.eigh(x["a"]), jnp.conj, jnp.real, JAX.h),
    torch=lambda x, t: torch_eigh(x["a"]),
    tensorflow=lambda x, t: tf_eigh(x["a"]),
    hermitian=("a",),
)
add(
    "eigvalsh",
    numpy=of_a(np.linalg.eigvalsh, "w"),
    jax=of_a(jnp.linalg.eigvalsh, "w"),
    torch=of_a(torch.linalg.eigvalsh, "w"),
    tensorflow=of_a(lambda a: tf.math.real(tf.linalg.eigvalsh(a)), "w"),
    hermitian=("a",),
)


def jax_by_eigh(f):
    def run(a):
        w, v = jnp.linalg.eigh(a)
        return (v * f(w)[..., None, :]) @ JAX.h(v)

    return run


def torch_by_eigh(f):
    def run(a):
        w, v = torch.linalg.eigh(a)
        return (v * f(w)[..., None, :]) @ v.mH

    return run


# The exponential without a spectral decomposition in all of them. No peer differentiates logm, nor sqrtm of complex matrices rightly, so
# these are composed of eigh, where eigenvalues are apart; SciPy's forward values come from Schur forms.
add("expmHermitian", numpy=of_a(sl.expm), jax=of_a(jsl.expm), torch=of_a(torch.linalg.matrix_exp), hermitian=("a",))
add(
    "logmHermitian",
    numpy=of_a(lambda a: items(sl.logm, a)),
    jax=of_a(jax_by_eigh(jnp.log)),
    torch=of_a(torch_by_eigh(torch.log)),
    hermitian=("a",),
)
add(
    "sqrtmHermitian",
    numpy=of_a(lambda a: items(sl.sqrtm, a)),
    jax=of_a(jax_by_eigh(jnp.sqrt)),
    torch=of_a(torch_by_eigh(torch.sqrt)),
    tensorflow=of_a(tf.linalg.sqrtm),
    # its gradient of complex matrices is wrong by a tenth of its size
    trust_tensorflow=lambda attrs, is_complex: not is_complex,
    hermitian=("a",),
)

# ---- Products ----


def product(h, promote):
    def run(x, t):
        a, b = promote(x["a"], x["b"])
        return {"c": (h(a) if t["adjointA"] else a) @ (h(b) if t["adjointB"] else b)}

    return run


add(
    "matmul",
    numpy=product(NP.h, NP.promote),
    jax=product(JAX.h, JAX.promote),
    torch=product(TORCH.h, TORCH.promote),
    tensorflow=product(TF.h, TF.promote),
    # the operator @ takes no vectors
    trust_tensorflow=lambda t, is_complex: not t.get("vector", False),
)
