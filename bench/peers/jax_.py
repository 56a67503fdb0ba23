"""JAX: jit of the batched op, or of vmap of an item; outputs and gradients in one program, waited for."""
import jax
import jax.numpy as jnp
import jax.scipy.linalg
from jax_workloads import WORKLOADS
from serve import Skip, serve

jax.config.update("jax_enable_x64", True)
la = jnp.linalg


def least_squares(a, b):
    """jax.numpy.linalg.lstsq goes by singular values; QR is its fast way."""
    q, r = la.qr(a)
    return jax.lax.linalg.triangular_solve(r, jnp.swapaxes(q, -1, -2) @ b, left_side=True)


def eigh_pair(a, b):
    """There is none: A V = B V diag(w) by the factor of B."""
    l = la.cholesky(b)
    c = jax.lax.linalg.triangular_solve(l, a, left_side=True, lower=True)
    w, y = la.eigh(jax.lax.linalg.triangular_solve(l, c, lower=True, transpose_a=True))
    return [w, jax.lax.linalg.triangular_solve(l, y, left_side=True, lower=True, transpose_a=True)]


def eigvals(a):
    w = la.eigvals(a)
    return [w.real, w.imag]


def factor_again(l, x):
    return la.cholesky(l @ jnp.swapaxes(l, -1, -2) + x @ jnp.swapaxes(x, -1, -2))


def batched(f):
    """Of one matrix."""
    return lambda *args: (jax.vmap(f) if args[0].ndim > 2 else f)(*args)


def values(d, e):
    return jax.scipy.linalg.eigh_tridiagonal(d, e, eigvals_only=True)


OPS = {
    "cholesky": lambda a: [la.cholesky(a)],
    "solveTriangular": lambda a, b: [jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=True)],
    "solve": lambda a, b: [la.solve(a, b)],
    "solve1": lambda a, b: [la.solve(a, b)],
    "inv": lambda a: [la.inv(a)],
    "det": lambda a: [la.det(a)],
    "lstsq": lambda a, b: [least_squares(a, b)],
    "eigh": lambda a: list(la.eigh(a)),
    "eigvalsh": lambda a: [la.eigvalsh(a)],
    "qr": lambda a: list(la.qr(a)),
    "svd": lambda a: [svd[i] for svd in [la.svd(a, full_matrices=False)] for i in (1, 0, 2)],
    "svdvals": lambda a: [la.svd(a, compute_uv=False)],
    "expm": lambda a: [jax.scipy.linalg.expm(a)],
    "matmul": lambda a, b: [a @ b],
    "exp": lambda x: [jnp.exp(x)],
    "add": lambda x, y: [x + y],
    "sum": lambda x: [jnp.sum(x, -1)],
    "eig": lambda a: list(la.eig(a)),
    "eigvals": eigvals,
    "schur": lambda a: list(jax.lax.linalg.schur(a)),
    "hessenberg": lambda a: list(batched(lambda x: tuple(jax.scipy.linalg.hessenberg(x, calc_q=True)))(a)),
    "eighPair": eigh_pair,
    "eigvalshTridiagonal": lambda d, e: [jax.vmap(values)(d, e) if d.ndim > 1 else values(d, e)],
    "sqrtm": lambda a: [batched(jax.scipy.linalg.sqrtm)(a).real],
    "matrixPower": lambda a: [la.matrix_power(a, 7)],
    "pinv": lambda a: [la.pinv(a)],
    "polar": lambda a: list(batched(lambda x: jax.scipy.linalg.polar(x, method="svd"))(a)),
    "sylvester": lambda a, b, c: [batched(jax.scipy.linalg.solve_sylvester)(a, b, c)],
    "qrPivoted": lambda a: list(jax.lax.linalg.qr(a, pivoting=True, full_matrices=False)[:2]),
    "householderProduct": lambda a, tau: [jax.lax.linalg.householder_product(a, tau)],
    "choleskyUpdate": lambda l, x: [factor_again(l, x)],
    "tridiagonalSolve": lambda dl, d, du, b: [jax.lax.linalg.tridiagonal_solve(dl, d, du, b)],
}


def program(op):
    """Forward, and forward and backward, of (args, cotangents)."""
    if op in OPS:
        f, wrt, batch = OPS[op], None, lambda g: g
    else:
        if op not in WORKLOADS:
            raise Skip("it has no such op")
        (item, wrt), batch = WORKLOADS[op], jax.vmap
        f = lambda *args: [item(*args)]  # noqa: E731

    def both(args, g):
        outs, pullback = jax.vjp(lambda *wanted: f(*wanted, *args[len(wanted) :]), *args[:wrt])
        return outs, pullback(g or [jnp.ones_like(o) for o in outs])

    return jax.jit(batch(f)), jax.jit(batch(both))


def make(request, sets):
    forward, both = program(request["op"])

    def call(inputs, cotangents):
        args = [jnp.asarray(x) for x in inputs]
        g = [jnp.asarray(x) for x in cotangents]
        if request["way"] == "forward":
            return lambda: jax.block_until_ready(forward(*args))

        def run():
            outs, grads = jax.block_until_ready(both(args, g))
            return [*outs, *grads]

        return run

    return [call(*s) for s in sets]


serve("jax", jax.__version__, make)
