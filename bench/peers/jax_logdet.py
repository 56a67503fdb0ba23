"""One timing of jit(vmap(grad(logdet by Cholesky))) per line read: "n dtype" -> milliseconds per call. Run by bench/logdet.ts."""
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def loss(a):
    return jnp.sum(jnp.log(jnp.diag(jnp.linalg.cholesky(a))))


f = jax.jit(jax.vmap(jax.grad(loss)))
data = {}
print("ready", jax.__version__, flush=True)
for line in sys.stdin:
    n, batch, repeats = map(int, line.split())
    if (n, batch) not in data:
        x = np.random.default_rng(0).normal(size=(batch, n, n))
        data[n, batch] = jnp.asarray(x @ x.transpose(0, 2, 1) / n + np.eye(n))
        f(data[n, batch]).block_until_ready()
    a = data[n, batch]
    start = time.perf_counter()
    for _ in range(repeats):
        f(a).block_until_ready()
    print(1e3 * (time.perf_counter() - start) / repeats, flush=True)
