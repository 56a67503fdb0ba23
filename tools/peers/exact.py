"""Losses in 120 digits (mpmath over NumPy object arrays) and their derivatives by central differences: no gradient formula is used."""
import itertools

import mpmath as mp
import numpy as np

mp.mp.dps = 120
H = mp.mpf(10) ** -25  # truncation 1e-50 of the value, rounding 1e-120/H^3 for third derivatives


def lift(a):
    """A NumPy array of mpf or mpc with the same values."""
    a = np.asarray(a)
    one = (lambda z: mp.mpc(z.real, z.imag)) if np.iscomplexobj(a) else (lambda z: mp.mpf(float(z)))
    out = np.empty(a.shape, dtype=object)
    for i in np.ndindex(a.shape):
        out[i] = one(a[i])
    return out


def _map(f):
    return lambda a: np.vectorize(f, otypes=[object])(a)


class Exact:
    """The operations that the losses are written in."""

    real = staticmethod(_map(mp.re))
    imag = staticmethod(_map(mp.im))
    conj = staticmethod(_map(mp.conj))
    exp = staticmethod(_map(mp.exp))
    sqrt = staticmethod(_map(mp.sqrt))
    sum = staticmethod(lambda a, axis=None: np.sum(a, axis=axis))
    matmul = staticmethod(lambda a, b: np.dot(a, b))
    columns = staticmethod(lambda v, w: v * w[None, :])
    column = staticmethod(lambda a, k: a[:, k])

    def adjoint(self, a):
        return self.conj(a.T)

    def det(self, a):
        """Leibniz: a polynomial, whatever the rank."""
        n, total = len(a), mp.mpf(0)
        for p in itertools.permutations(range(n)):
            sign = (-1) ** sum(p[i] > p[j] for i in range(n) for j in range(i + 1, n))
            total += sign * mp.fprod(a[i, p[i]] for i in range(n))
        return total

    def slogdet(self, a):
        d = self.det(a)
        return d / abs(d), mp.log(abs(d))

    def solve(self, a, b, adjoint=False):
        a = mp.matrix((self.adjoint(a) if adjoint else a).tolist())
        out = np.empty(b.shape, dtype=object)
        for k in range(b.shape[1]):
            x = mp.lu_solve(a, mp.matrix([[z] for z in b[:, k]]))
            out[:, k] = list(x)
        return out

    def inv(self, a, adjoint=False):
        return self.solve(a, lift(np.eye(len(a))), adjoint)

    def triangular(self, a, b, adjoint=False):
        lower = np.array([[a[i, j] if j <= i else mp.mpf(0) for j in range(len(a))] for i in range(len(a))], dtype=object)
        return self.solve(lower, b, adjoint)

    def cholesky(self, a):
        n, l = len(a), lift(np.zeros(a.shape))
        for j in range(n):
            l[j, j] = mp.sqrt(mp.re(a[j, j] - mp.fsum(l[j, k] * mp.conj(l[j, k]) for k in range(j))))
            for i in range(j + 1, n):
                l[i, j] = (a[i, j] - mp.fsum(l[i, k] * mp.conj(l[j, k]) for k in range(j))) / l[j, j]
        return l

    def logdet(self, a):
        return mp.log(mp.re(self.det(a)))

    def eigh(self, a):
        w, v = mp.eighe(mp.matrix(a.tolist()))
        return np.array(list(w), dtype=object), np.array(v.tolist(), dtype=object)

    def eigvalsh(self, a):
        return self.eigh(a)[0]

    def _function(self, f, a):
        w, v = self.eigh(a)
        return self.matmul(self.columns(v, f(w)), self.adjoint(v))

    def expm(self, a):
        return self._function(self.exp, a)

    def sqrtm(self, a):
        return self._function(self.sqrt, a)

    def nuclear(self, a):
        return np.trace(self.sqrtm(np.dot(self.adjoint(a), a)))

    def spectral(self, a):
        return mp.sqrt(max(self.eigvalsh(np.dot(self.adjoint(a), a))))

    def polar(self, a):
        return np.dot(a, self.inv(self.sqrtm(np.dot(self.adjoint(a), a))))

    def pinv_of_product(self, p, q):
        return self.lstsq_of_product(p, q, lift(np.eye(len(p))))

    def qr(self, a):
        first = a[:, : min(a.shape)]
        q = np.dot(first, self.inv(self.adjoint(self.cholesky(np.dot(self.adjoint(first), first)))))
        return q, np.dot(self.adjoint(q), a)

    def lstsq(self, a, b, l2=0, large=False):
        m, n = a.shape
        ah = self.adjoint(a)
        if m >= n:
            return self.solve(np.dot(ah, a) + l2 * lift(np.eye(n)), np.dot(ah, b))
        return np.dot(ah, self.solve(np.dot(a, ah) + l2 * lift(np.eye(m)), b))

    def lstsq_of_product(self, p, q, b):
        """(P Q)^+ B for P of full column and Q of full row rank."""
        ph, qh = self.adjoint(p), self.adjoint(q)
        return np.dot(qh, self.solve(np.dot(q, qh), self.solve(np.dot(ph, p), np.dot(ph, b))))


def _directions(shape, complex_, hermitian):
    """(direction, position, unit, weight): the derivative along `direction` is `weight` times the component of the gradient there."""
    one = [mp.mpf(1)] + ([mp.mpc(0, 1)] if complex_ else [])
    for i in np.ndindex(shape):
        for u in one:
            e = lift(np.zeros(shape))
            if not hermitian:
                e[i] = u
                yield e, [(i, u)], 1
            elif i[0] == i[1] and u == 1:
                e[i] = u
                yield e, [(i, u)], 1
            elif i[0] > i[1]:
                e[i], e[i[::-1]] = u, mp.conj(u)
                yield e, [(i, u), (i[::-1], mp.conj(u))], 2


def derivative(loss, inputs, wrt="a", order=1, v=None, hermitian=False):
    """D^order loss [v, ..., v, .] as dL/dRe + i dL/dIm; for a Hermitian argument the Hermitian matrix that gives it on Hermitian directions."""
    p = {k: lift(a) for k, a in inputs.items()}
    base, along = p[wrt], None if v is None else lift(v)
    shape = base.shape
    out = lift(np.zeros(shape))

    def at(e, s):
        step = s[0] * H * e
        for t in s[1:]:
            step = step + t * H * along
        return mp.re(np.asarray(loss(Exact(), {**p, wrt: base + step}), dtype=object).item())

    for e, where, weight in _directions(shape, np.iscomplexobj(inputs[wrt]), hermitian):
        signs = list(itertools.product((1, -1), repeat=order))
        slope = mp.fsum(mp.fprod(s) * at(e, s) for s in signs) / (2 * H) ** order
        for i, u in where:
            if abs(slope) > 1e-40:  # else zero, and the error of the differences
                out[i] += u * slope / weight
    if np.iscomplexobj(inputs[wrt]):
        return np.vectorize(complex, otypes=[complex])(out)
    return np.vectorize(float, otypes=[float])(out)
