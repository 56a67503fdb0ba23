"""JAX behind the names that the losses are written in, in double precision, as its users call it.

`derivatives` returns the ways to a derivative (reverse over reverse, forward over reverse), each as a function; the best one counts.
"""
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import jax.numpy as jnp
import numpy as np
from missing import Missing

jax.config.update("jax_enable_x64", True)


class Peer:
    name, version = "jax", jax.__version__
    real, imag, conj, exp, sqrt, matmul = (staticmethod(f) for f in (jnp.real, jnp.imag, jnp.conj, jnp.exp, jnp.sqrt, jnp.matmul))
    adjoint = staticmethod(lambda a: jnp.conj(jnp.swapaxes(a, -1, -2)))
    sum = staticmethod(lambda a, axis=None: jnp.sum(a, axis=axis))
    column = staticmethod(lambda a, k: a[..., k])
    array = staticmethod(jnp.asarray)
    det, slogdet, cholesky, eigh, eigvalsh = (
        staticmethod(f) for f in (jnp.linalg.det, jnp.linalg.slogdet, jnp.linalg.cholesky, jnp.linalg.eigh, jnp.linalg.eigvalsh)
    )
    expm, sqrtm = staticmethod(jax.scipy.linalg.expm), staticmethod(jax.scipy.linalg.sqrtm)
    columns = staticmethod(lambda v, w: v * w[..., None, :])

    def inv(self, a, adjoint=False):
        return jnp.linalg.inv(self.adjoint(a) if adjoint else a)

    def solve(self, a, b, adjoint=False):
        return jnp.linalg.solve(self.adjoint(a) if adjoint else a, b)

    def triangular(self, a, b, adjoint=False):
        return jax.scipy.linalg.solve_triangular(a, b, lower=True, trans="C" if adjoint else "N")

    def logdet(self, a):
        return jnp.linalg.slogdet(a)[1]

    def nuclear(self, a):
        return jnp.linalg.norm(a, "nuc")

    def spectral(self, a):
        return jnp.linalg.norm(a, 2)

    def polar(self, a):
        return jax.scipy.linalg.polar(a, method="svd")[0]

    def pinv_of_product(self, p, q):
        return jnp.linalg.pinv(p @ q, rtol=1e-12)

    qr = staticmethod(jnp.linalg.qr)

    def lstsq(self, a, b, l2=None, large=False, fast=True):
        if l2 is not None:
            raise Missing("no such argument")
        return jnp.linalg.lstsq(a, b)[0]

    def lstsq_of_product(self, p, q, b):
        return jnp.linalg.lstsq(p @ q, b, rcond=1e-12)[0]

    def derivatives(self, loss, a, order, v):
        grad = lambda f: lambda x: jnp.conj(jax.grad(f)(x))  # JAX gives dL/dRe - i dL/dIm

        def reverse():
            f = loss
            for _ in range(order - 1):
                f = lambda x, f=f: jnp.sum(jnp.real(jnp.conj(v) * grad(f)(x)))
            return np.asarray(grad(f)(a))

        def forward():
            g = grad(loss)
            for _ in range(order - 1):
                g = lambda x, g=g: jax.jvp(g, (x,), (v,))[1]
            return np.asarray(g(a))

        return [reverse] + ([forward] if order > 1 else [])

    def gradient(self, loss, a):
        return self.derivatives(loss, a, 1, None)[0]()
