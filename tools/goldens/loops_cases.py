"""The functions of loops.py, each written as test/loops/*.ts has them, and what they are called with."""
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import cond, custom_root, scan, while_loop
from jax.scipy.linalg import cho_solve, solve_triangular
from jax.scipy.special import logsumexp

CASES = {}


def case(*args, reverse=True, second=True):
    """args: of each argument a shape, or a function of a generator. reverse: has gradients; second: has second derivatives."""

    def named(f):
        CASES[f.__name__] = {"f": f, "args": args, "reverse": reverse, "second": second}
        return f

    return named


def spd(n):
    def draw(rng):
        x = rng.standard_normal((n, n))
        return x @ x.T + n * np.eye(n)

    return draw


def stable(n):  # of spectral radius below 1
    return lambda rng: 0.9 * np.linalg.qr(rng.standard_normal((n, n)))[0]


def ints(high, *shape):
    return lambda rng: rng.integers(0, high, shape).astype(np.int32)


def bools(*shape):
    return lambda rng: rng.random(shape) < 0.5


def between(low, high, *shape):
    return lambda rng: rng.uniform(low, high, shape)


def cplx(*shape):
    return lambda rng: (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def single(*shape):
    return lambda rng: rng.standard_normal(shape).astype(np.float32)


# ---- scan: what goes in and out


@case((), (5,))
def cumulative(c, xs):
    def step(c, x):
        c = jnp.sin(c) + x
        return c, c * c

    return scan(step, c, xs)


@case((), (), (6,))
def backwards(a, c, xs):  # steps run from the last
    def step(c, x):
        return a * c + x, jnp.tanh(c)

    return scan(step, c, xs, reverse=True)


@case((), (2,), (0, 2))
def none(a, c, xs):  # no step at all
    return scan(lambda c, x: (a * c + x, c.sum()), c, xs)


@case(between(0.5, 3.5), between(0.1, 0.9))
def logistic(r, c):  # no xs, only a length
    return scan(lambda c, _: (r * c * (1 - c), c), c, None, length=7)


@case((), (3,), (2, 3))
def one(a, c, xs):  # one step, of which a slice is used
    return scan(lambda c, x: (jnp.cos(c) * x, a * c), c, xs[:1])


@case((), (2,), (2,))
def trees(k, q, p):  # a pendulum: carries of all kinds
    def step(s, _):
        p = s["state"]["p"] - 0.1 * k * jnp.sin(s["state"]["q"])
        q = s["state"]["q"] + jnp.where(s["count"] < 3, 0.1, 0.2) * p
        up = s["up"] ^ (q.sum() > 0)
        out = {"energy": 0.5 * (p * p).sum(), "up": up, "count": s["count"]}
        return {"state": {"p": p, "q": q}, "count": s["count"] + 1, "up": up}, out

    return scan(step, {"state": {"p": p, "q": q}, "count": jnp.int32(0), "up": jnp.array(False)}, None, length=6)


@case((5,), ints(5, 8), bools(8), (8,))
def lookup(table, indices, mask, xs):  # xs of int32 and bool
    def step(c, x):
        i, m, v = x
        c = c + jnp.where(m, table[i] * v, 0.0)
        return c, c

    return scan(step, jnp.float64(1.0), (indices, mask, xs))


@case(ints(10), ints(10))
def fibonacci(a, b):  # int32 alone, which wraps
    return scan(lambda c, _: ((c[1], c[0] + c[1]), c[0]), (a, b), None, length=50)


@case((2,), (2,), (4, 2), ())
def through(c, d, xs, a):  # outputs that are inputs, shared ones, constants, or one value twice; a carry and xs that nobody uses
    def step(s, x):
        c, d, unused = s
        y = c * a
        return (d, c, unused), (y, y, x, a, 2.0)

    return scan(step, (c, d, a), xs)


@case((), (), (30,))
def checkpointed(a, c, xs):
    return scan(lambda c, x: (jnp.sin(a * c + x), c * x), c, xs)


@case(between(-0.9, 0.9), between(0.5, 2), (200,))
def autoregression(phi, sigma, xs):  # minus the log-likelihood of an AR(1) series
    def step(s, x):
        last, total = s
        e = (x - phi * last) / sigma
        return (x, total + 0.5 * e * e + jnp.log(sigma)), None

    return scan(step, (jnp.float64(0), jnp.float64(0)), xs)[0][1]


@case(cplx(), cplx(3), cplx(4, 3))
def rotation(w, c, xs):
    def step(c, x):
        c = jnp.exp(w * 0.3) * c + x * jnp.conj(c)
        return c, (jnp.abs(c) ** 2).sum()

    return scan(step, c, xs)


@case(single(), single(3), single(4, 3))
def singles(a, c, xs):
    return scan(lambda c, x: (jnp.tanh(a * c + x), c.sum()), c, xs)


# ---- scan of matrix functions


@case(stable(3), (3,), (5, 3))
def implicit(a, c, xs):  # (I - A/10) c' = c + x
    m = jnp.eye(3) - 0.1 * a

    def step(c, x):
        c = jnp.linalg.solve(m, c + x)
        return c, c

    return scan(step, c, xs)


@case(lambda rng: np.stack([spd(3)(rng) for _ in range(4)]), (4, 3))
def normals(cov, xs):  # the log density of normals with covariances of their own
    def step(total, x):
        a, v = x
        l = jnp.linalg.cholesky(a)
        z = solve_triangular(l, v, lower=True)
        q = (z * z).sum() + 2 * jnp.log(jnp.diagonal(l)).sum()
        return total + q, q

    return scan(step, jnp.float64(0), (cov, xs))


@case(stable(2), spd(2), between(0.5, 2), (6, 1))
def kalman(a, q, r, ys):
    h = jnp.array([[1.0, 0.5]])

    def step(s, y):
        m, p, total = s
        m, p = a @ m, a @ p @ a.T + q
        v = y - h @ m
        l = jnp.linalg.cholesky(h @ p @ h.T + r * jnp.eye(1))
        gain = cho_solve((l, True), h @ p).T
        m, p = m + gain @ v, p - gain @ h @ p
        z = solve_triangular(l, v, lower=True)
        return (m, p, total + 0.5 * (z * z).sum() + jnp.log(jnp.diagonal(l)).sum()), m

    return scan(step, (jnp.zeros(2), jnp.eye(2), jnp.float64(0)), ys)


@case((3,), (3, 3), (5, 3))
def forward(start, transition, emission):  # of a hidden Markov model
    def step(a, e):
        a = logsumexp(a[:, None] + transition, axis=0) + e
        return a, a

    a, alphas = scan(step, start + emission[0], emission[1:])
    return logsumexp(a), alphas


@case((4, 2, 2))
def products(ms):
    return scan(lambda c, m: (jnp.tanh(c @ m), jnp.linalg.det(c)), jnp.eye(2), ms)


# ---- loops in loops


@case((), (3,), (4, 3))
def scan_in_scan(a, c, xs):
    def outer(c, x):
        def inner(d, e):
            d = jnp.sin(a * d + e) + x.sum()
            return d, d * a

        d, ds = scan(inner, c.mean(), x)
        return c * d, ds

    return scan(outer, c, xs)


@case((), (4, 3), (3,))
def vmap_in_scan(a, xs, c):
    def step(c, x):
        c = jax.vmap(lambda u, v: jnp.sin(a * u) * v + a)(c, x)
        return c, c.sum()

    return scan(step, c, xs)


@case((), (4,), (5,))
def scan_in_vmap(a, cs, xs):  # carries of their own, xs shared
    def run(c):
        return scan(lambda c, x: (jnp.tanh(a * c + x), c * a), c, xs)

    return jax.vmap(run)(cs)


@case((2,), (4, 3))
def shared_sum(theta, xs):  # the gradient of what is shared is summed over items
    loss = lambda x: theta[0] * jnp.sin(theta[1] * x).sum()
    return jax.vmap(loss)(xs).sum()


@case((2,), (4, 3))
def per_item(theta, xs):  # gradients of each item
    return jax.vmap(jax.grad(lambda t, x: (t[0] * jnp.sin(t[1] * x)).sum()), (None, 0))(theta, xs)


@case(spd(3), (4, 3))
def shared_matrix(a, bs):
    return jax.vmap(lambda b: jnp.linalg.solve(a, b) @ b)(bs)


@case((3, 2), (2, 4))
def axes(x, y):  # in 1 and 0, out 1; a tree
    f = lambda t: {"u": t["x"] * jnp.sin(t["y"].sum()), "v": t["y"] * t["x"].sum()}
    return jax.vmap(f, ({"x": 1, "y": 0},), {"u": 1, "v": 0})({"x": x, "y": y})


@case((3,), (4,), ())
def outer_product(x, y, a):  # vmap of vmap, each over another argument
    return jax.vmap(lambda u: jax.vmap(lambda v: jnp.sin(u * v + a))(y))(x)


@case((4, 3))
def pairwise(x):
    sq = lambda u, v: ((u - v) ** 2).sum()
    return jax.vmap(lambda u: jax.vmap(lambda v: jnp.exp(-sq(u, v)))(x))(x)


# ---- cond


@case((), (2,))
def branch(x, y):
    return cond(x > 0, lambda x, y: {"u": x * y, "n": jnp.int32(1)}, lambda x, y: {"u": jnp.sin(y), "n": jnp.int32(2)}, x, y)


@case((8,), ())
def branches(xs, a):  # a predicate per item; the square root of the branch not taken is NaN
    def f(x):
        return cond(x > 0, lambda x: jnp.sqrt(x) * a, lambda x: x * x, x)

    return jnp.stack([f(x) for x in xs])


@case((), (6,))
def branch_in_scan(c, xs):
    def step(c, x):
        c = cond(c > x, lambda c: jnp.sin(c) - x, lambda c: c * c * 0.3 + x, c)
        return c, c

    return scan(step, c, xs)


@case((), (4,))
def scan_in_branch(c, xs):
    run = lambda c, xs: scan(lambda c, x: (jnp.cos(c) + x, None), c, xs)[0]
    return cond(c > 0, run, lambda c, xs: xs.sum() * c, c, xs)


# ---- whileLoop and customRoot


@case(between(0.5, 20), reverse=False)
def square_root(a):  # Newton's, until it is there
    test = lambda s: jnp.abs(s["y"] ** 2 - a) > 1e-12 * a
    step = lambda s: {"y": 0.5 * (s["y"] + a / s["y"]), "n": s["n"] + 1}
    return while_loop(test, step, {"y": jnp.float64(1), "n": jnp.int32(0)})


@case(between(0.5, 20, 5), reverse=False)
def square_roots(a):  # each item at its own number of steps
    return jax.vmap(square_root)(a)


def newton(f, x):
    return scan(lambda x, _: (x - jnp.linalg.solve(jax.jacfwd(f)(x), f(x)), None), x, None, length=30)[0]


def tangent_solve(g, y):
    return jnp.linalg.solve(jax.jacfwd(g)(jnp.zeros_like(y)), y)


@case(spd(3), (3,))
def root(a, b):  # A x + tanh(x) = b
    return custom_root(lambda x: a @ x + jnp.tanh(x) - b, jnp.zeros(3), newton, tangent_solve)


@case((), (2,), (4, 2))
def roots_in_scan(k, c, xs):  # backward Euler: x = c - h (x³ + k x - u)
    def step(c, u):
        f = lambda x: x + 0.1 * (x**3 + (1 + k * k) * x - u) - c
        c = custom_root(f, c, newton, tangent_solve)
        return c, c.sum()

    return scan(step, c, xs)


# ---- derivatives inside


@case((), (2,), (3, 2))
def jacobians(a, c, xs):
    last = lambda c: scan(lambda c, x: (jnp.sin(a * c) + x * c[::-1], None), c, xs)[0]
    return {"forward": jax.jacfwd(last)(c), "reverse": jax.jacrev(last)(c)}


@case((), (3,), (4,), second=False)
def curvature(a, c, xs):
    loss = lambda c: scan(lambda c, x: (jnp.sin(a * c) * x + c, None), c, xs)[0].sum() ** 2
    return jax.hessian(loss)(c)


@case((), (3,), (4,))
def descent(rate, w, ts):  # gradient steps in a scan
    loss = lambda w, t: ((jnp.tanh(w) - t) ** 2).sum()

    def step(w, t):
        value, g = jax.value_and_grad(loss)(w, t)
        return w - rate * g, value

    return scan(step, w, ts)


@case((), (3,), (4, 3))
def tangents_in_scan(a, c, xs):
    def step(c, x):
        y, t = jax.jvp(lambda c: jnp.sin(a * c) * c[::-1], (c,), (x,))
        return y + t, t.sum()

    return scan(step, c, xs)
