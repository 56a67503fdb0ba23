"""The functions of one item of bench/table/workloads.ts, for jit and vmap."""
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jax.scipy.special import logsumexp

la = jnp.linalg


def gp(scales, amplitudes, x, y):
    z = x / scales
    d = z[:, None, :] - z[None, :, :]
    k = amplitudes[0] * jnp.exp(-0.5 * jnp.sum(d * d, -1)) + amplitudes[1] * jnp.eye(x.shape[0], dtype=x.dtype)
    low = la.cholesky(k)
    w = solve_triangular(low, y, lower=True)
    return 0.5 * jnp.sum(w * w) + jnp.sum(jnp.log(jnp.diag(low)))


def kalman(a, h, q, r, ys):
    states = a.shape[0]

    def step(carry, y):
        x, p, nll = carry
        xp = a @ x
        pp = a @ p @ a.T + jnp.diag(q)
        low = la.cholesky(h @ pp @ h.T + jnp.diag(r))
        w = solve_triangular(low, h @ pp, lower=True)
        u = solve_triangular(low, y[:, None] - h @ xp, lower=True)
        nll = nll + 0.5 * jnp.sum(u * u) + jnp.sum(jnp.log(jnp.diag(low)))
        return (xp + w.T @ u, pp - w.T @ w, nll), None

    start = (jnp.zeros((states, 1), a.dtype), jnp.eye(states, dtype=a.dtype), jnp.zeros((), a.dtype))
    return jax.lax.scan(step, start, ys)[0][2]


def mean_variance(mean, covariance):
    w, v = la.eigh(covariance)
    z = v.T @ mean
    return 0.5 * jnp.sum(z[:, 0] ** 2 / w)


def ridge(a, y, lam):
    gram = a.T @ a + lam * jnp.eye(a.shape[1], dtype=a.dtype)
    x = cho_solve((la.cholesky(gram), True), a.T @ y)
    return jnp.sum((a @ x - y) ** 2)


def hmm(start, transition, means, log_stds, ys):
    e = -0.5 * ((ys[:, None] - means) / jnp.exp(log_stds)) ** 2 - log_stds
    a = jax.nn.log_softmax(transition, axis=-1)

    def step(alpha, et):
        return logsumexp(alpha[:, None] + a, axis=0) + et, None

    alpha, _ = jax.lax.scan(step, jax.nn.log_softmax(start) + e[0], e[1:])
    return logsumexp(alpha)


def whitening(x):
    w, v = la.eigh(x.T @ x / x.shape[0])
    return x @ ((v / jnp.sqrt(w)) @ v.T)


# the function, and how many leading arguments are differentiated (all: None)
WORKLOADS = {
    "gp": (gp, 2),
    "kalman": (kalman, 4),
    "meanVariance": (mean_variance, None),
    "ridge": (ridge, None),
    "hmm": (hmm, 4),
    "whitening": (whitening, None),
}
