"""Inputs of the linear-algebra golden cases: few decimal digits, well conditioned, from fixed seeds.

Doubles have 6 decimals, so that an input cut to single precision on its way is seen; singles have 4 and are rounded to float32 here, as
whoever reads them will: the references are computed in double precision from the rounded values.
"""
import zlib

import numpy as np

DTYPES = ["float32", "float64", "complex64", "complex128"]


def is_complex(dtype):
    return dtype.startswith("complex")


def is_single(dtype):
    return dtype in ("float32", "complex64")


def real_of(dtype):
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def adjoint(a):
    return np.conj(np.swapaxes(a, -1, -2))


class Sampler:
    """Draws of one case: the seed is a hash of its name, so that adding cases changes no other."""

    def __init__(self, name):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.factors = None

    def rounded(self, x, dtype):
        single = is_single(dtype)
        parts = [np.real(x), np.imag(x)] if is_complex(dtype) else [np.real(x)]
        parts = [np.round(p, 4 if single else 6) + 0.0 for p in parts]
        parts = [p.astype(np.float32).astype(np.float64) if single else p for p in parts]
        return parts[0] + 1j * parts[1] if len(parts) == 2 else parts[0]

    def normal(self, shape, dtype):
        x = self.rng.standard_normal(shape)
        return x + 1j * self.rng.standard_normal(shape) if is_complex(dtype) else x

    def unitary(self, shape, dtype):
        return np.linalg.qr(self.normal(shape, dtype))[0]

    def draw(self, domain, shape, dtype):
        return self.rounded(getattr(self, domain)(tuple(shape), dtype), dtype)

    def any(self, shape, dtype):
        return self.normal(shape, dtype)

    def positive(self, shape, dtype):
        return 0.3 + self.rng.random(shape)

    def invertible(self, shape, dtype):
        """Singular values from 0.7 to 2; square or not."""
        *batch, m, n = shape
        k = min(m, n)
        u = self.unitary((*batch, m, k), dtype)
        v = self.unitary((*batch, n, k), dtype)
        return (u * self.rng.uniform(0.7, 2, (*batch, 1, k))) @ adjoint(v)

    def pivoted(self, shape, dtype):
        """Dominated by the diagonal of the reversed rows: rows are exchanged, and no two pivots are close."""
        m, n = shape[-2:]
        return 0.4 / np.sqrt(max(m, n)) * self.normal(shape, dtype) + 1.5 * np.eye(m, n)[::-1]

    def triangular(self, shape, dtype):
        """Both triangles are filled: a function that reads the wrong one is seen."""
        n = shape[-1]
        return 0.4 / np.sqrt(n) * self.normal(shape, dtype) + 1.5 * np.eye(n)

    def spectrum(self, shape, dtype, start, step):
        n = shape[-1]
        w = start + step * (np.arange(n) + self.rng.uniform(-0.2, 0.2, (*shape[:-2], n)))
        v = self.unitary(shape, dtype)
        return (v * w[..., None, :]) @ adjoint(v)

    def hpd(self, shape, dtype):
        return self.spectrum(shape, dtype, 0.7, 0.6)

    def hermitian(self, shape, dtype):
        return self.spectrum(shape, dtype, 0.3 - 0.4 * shape[-1], 1.0)

    def quarters(self, shape, dtype):
        return np.round(4 * self.normal(shape, dtype)) / 4

    def deficient(self, shape, dtype):
        """Of rank min(m, n) - 1, other singular values within a factor of 10; multiples of 1/16, so that no rounding adds to the rank."""
        *batch, m, n = shape
        r = min(m, n) - 1
        while True:
            self.factors = self.quarters((*batch, m, r), dtype), self.quarters((*batch, r, n), dtype)
            s = np.linalg.svd(self.factors[0] @ self.factors[1], compute_uv=False)
            if np.all(s[..., r - 1] > 0.1 * s[..., 0]):
                return self.factors[0] @ self.factors[1]

    def zero(self, shape, dtype):
        return np.zeros(shape)

    def tangent(self, kind, shape, dtype):
        """"any", "hermitian", or "deficient": along matrices of the same rank."""
        if kind == "deficient":
            x, y = self.factors
            return self.rounded(self.quarters(x.shape, dtype) @ y + x @ self.quarters(y.shape, dtype), dtype)
        x = self.normal(shape, dtype)
        return self.rounded((x + adjoint(x)) / 2 if kind == "hermitian" else x, dtype)
