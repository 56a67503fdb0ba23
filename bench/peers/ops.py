"""One timing per line read, "op n batch backward repeats" -> milliseconds per call. Argument: pytorch, jax or tensorflow. Run by bench/ops.ts.

The loss of a backward pass is the sum of the outputs' inner products with fixed random numbers, as on our side.
"""
import os
import sys
import time

threads = os.environ.get("BACKSOLVE_BENCH_THREADS", "1")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = threads
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if threads == '1' else 'true'}"
if threads == "1":
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})

import numpy as np  # noqa: E402


def arguments(op, n, batch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 2 * n if op == "lstsq" else n, n))
    if op in ("cholesky", "eigh", "eigvalsh"):
        return [x @ x.transpose(0, 2, 1) / n + np.eye(n)]
    if op == "lstsq":
        return [x, rng.normal(size=(batch, 2 * n, 1))]
    a = 0.4 / np.sqrt(n) * x + 1.5 * np.eye(n)
    if op == "solveTriangular":
        return [np.tril(a), rng.normal(size=(batch, n, n))]
    return [a, rng.normal(size=(batch, n, n))] if op == "solve" else [a]


def pytorch():
    import torch

    torch.set_num_threads(int(threads))
    la = torch.linalg
    ops = {
        "cholesky": lambda a: [la.cholesky(a)],
        "solveTriangular": lambda a, b: [la.solve_triangular(a, b, upper=False)],
        "solve": lambda a, b: [la.solve(a, b)],
        "inv": lambda a: [la.inv(a)],
        "det": lambda a: [la.det(a)],
        "slogdet": lambda a: [la.slogdet(a)[1]],
        "lstsq": lambda a, b: [la.lstsq(a, b, driver="gels").solution],
        "eigh": lambda a: list(la.eigh(a)),
        "eigvalsh": lambda a: [la.eigvalsh(a)],
    }

    def make(op, data, backward):
        args = [torch.tensor(x, requires_grad=backward) for x in data]
        g = [torch.tensor(np.random.default_rng(1).normal(size=tuple(o.shape))) for o in ops[op](*args)]
        if not backward:
            return lambda: ops[op](*args)
        return lambda: torch.autograd.grad(ops[op](*args), args, g)

    return torch.__version__, make


def jax_peer():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    la = jnp.linalg

    def normal(a, b):  # jax.numpy.linalg.lstsq goes by singular values; QR is its fast way
        q, r = la.qr(a)
        return jax.scipy.linalg.solve_triangular(r, jnp.swapaxes(q, -1, -2) @ b)

    ops = {
        "cholesky": lambda a: [la.cholesky(a)],
        "solveTriangular": lambda a, b: [jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=True)],
        "solve": lambda a, b: [la.solve(a, b)],
        "inv": lambda a: [la.inv(a)],
        "det": lambda a: [la.det(a)],
        "slogdet": lambda a: [la.slogdet(a)[1]],
        "lstsq": lambda a, b: [jax.vmap(normal)(a, b)],
        "eigh": lambda a: list(la.eigh(a)),
        "eigvalsh": lambda a: [la.eigvalsh(a)],
    }

    def make(op, data, backward):
        args = [jnp.asarray(x) for x in data]
        outs = ops[op](*args)
        g = [jnp.asarray(np.random.default_rng(1).normal(size=o.shape)) for o in outs]
        forward = jax.jit(ops[op])
        gradient = jax.jit(lambda args, g: jax.vjp(ops[op], *args)[1](list(g)))
        if not backward:
            return lambda: jax.block_until_ready(forward(*args))
        return lambda: jax.block_until_ready(gradient(args, g))

    return jax.__version__, make


def tensorflow():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    la = tf.linalg
    ops = {
        "cholesky": lambda a: [la.cholesky(a)],
        "solveTriangular": lambda a, b: [la.triangular_solve(a, b)],
        "solve": lambda a, b: [la.solve(a, b)],
        "inv": lambda a: [la.inv(a)],
        "det": lambda a: [la.det(a)],
        "slogdet": lambda a: [la.slogdet(a)[1]],
        "lstsq": lambda a, b: [tf.raw_ops.MatrixSolveLs(matrix=a, rhs=b, l2_regularizer=tf.constant(0.0, tf.float64), fast=True)],
        "eigh": lambda a: list(la.eigh(a)),
        "eigvalsh": lambda a: [la.eigvalsh(a)],
    }

    def make(op, data, backward):
        args = [tf.constant(x) for x in data]
        g = [tf.constant(np.random.default_rng(1).normal(size=o.shape)) for o in ops[op](*args)]
        forward = tf.function(ops[op])

        @tf.function
        def gradient(args, g):
            with tf.GradientTape() as tape:
                tape.watch(args)
                outs = ops[op](*args)
            return tape.gradient(outs, args, g)

        return (lambda: gradient(args, g)) if backward else (lambda: forward(*args))

    return tf.__version__, make


name = sys.argv[1]
version, make = {"pytorch": pytorch, "jax": jax_peer, "tensorflow": tensorflow}[name]()
print(name, version, flush=True)
cells = {}
for line in sys.stdin:
    op, *numbers = line.split()
    n, batch, backward, repeats = map(int, numbers)
    key = (op, n, batch, backward)
    if key not in cells:
        cells = {key: make(op, arguments(op, n, batch), bool(backward))}
        cells[key]()
        cells[key]()
    f = cells[key]
    start = time.perf_counter()
    for _ in range(repeats):
        f()
    print(1e3 * (time.perf_counter() - start) / repeats, flush=True)
