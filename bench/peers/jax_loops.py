"""The peers of bench/loops.ts in JAX: jit, float64. Reads "kalman SERIES STEPS" or "shared ITEMS N", answers milliseconds."""
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(1)


def looped(m, ys):
    q, r = jnp.diag(jnp.exp(m["q"])), jnp.diag(jnp.exp(m["r"]))

    def step(s, y):
        x, p, nll = s
        xp = m["a"] @ x
        pp = m["a"] @ p @ m["a"].T + q
        low = jnp.linalg.cholesky(m["h"] @ pp @ m["h"].T + r)
        w = solve_triangular(low, m["h"] @ pp, lower=True)
        u = solve_triangular(low, y[:, None] - m["h"] @ xp, lower=True)
        nll = nll + 0.5 * jnp.sum(u * u) + jnp.sum(jnp.log(jnp.diag(low)))
        return (xp + w.T @ u, pp - w.T @ w, nll), None

    (_, _, nll), _ = jax.lax.scan(step, (jnp.zeros((4, 1)), jnp.eye(4), 0.0), ys)
    return nll


model = {
    "a": jnp.array([[0.9, 0.1, 0, 0], [0, 0.8, 0.1, 0], [0, 0, 0.7, 0.1], [0.1, 0, 0, 0.6]]),
    "h": jnp.array([[1.0, 0, 1, 0], [0, 1, 0, 1]]),
    "q": -jnp.ones(4),
    "r": jnp.zeros(2),
}
kalman = jax.jit(jax.vmap(jax.value_and_grad(looped), in_axes=(None, 0)))


def gp(theta, x):
    d = x - x.T
    k = jnp.exp(-theta * d * d) + 0.1 * jnp.eye(x.shape[0])
    return jnp.sum(jnp.log(jnp.diag(jnp.linalg.cholesky(k))))


shared = jax.jit(jax.value_and_grad(lambda theta, xs: jnp.sum(jax.vmap(lambda x: gp(theta, x))(xs))))
known = {}


def call(words):
    kind, count, size = words[0], int(words[1]), int(words[2])
    key = tuple(words)
    if key not in known:
        if kind == "kalman":
            ys = jnp.asarray(rng.standard_normal((count, size, 2)))
            known[key] = lambda: kalman(model, ys)
        else:
            xs = jnp.asarray(rng.standard_normal((count, size, 1)))
            known[key] = lambda: shared(0.5, xs)
        jax.block_until_ready(known[key]())
    start = time.perf_counter()
    jax.block_until_ready(known[key]())
    return (time.perf_counter() - start) * 1000


print(f"jax {jax.__version__}", flush=True)
for line in sys.stdin:
    print(call(line.split()), flush=True)
