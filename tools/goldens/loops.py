"""Golden values of loops and their derivatives by JAX: test/golden/loops.json, test/golden/loops-nested.json.

Usage: python tools/goldens/loops.py     (needs jax alone: tools/goldens/requirements.txt; some minutes)

loops.json: the functions of loops_cases.py at three sets of arguments: their value; and of the loss L = Σ_j Re(conj(c_j) y_j) + |y_j|² / 10,
c_j = cos(j + 1), over all elements of every floating output its gradient, the derivative of the outputs along v_j = sin(2j + 1), and that of the gradient
(a Hessian-vector product); c and v of complex tensors are these times 1 + i/2.
loops-nested.json: all words of one to three of {grad, jvp, vmap, scan, cond}, each a map of functions of (x, a, b) to such functions (`COMBINE`).
Gradients of complex arguments are dL/dRe + i dL/dIm, the conjugates of JAX's; complex arrays are interleaved. Seeds are fixed.
"""
import itertools
import json
import pathlib

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpy as np
from loops_cases import CASES

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test/golden"
ITEMS = 3
HEAD = {"about": f"tools/goldens/loops.py, jax {jax.__version__}, numpy {np.__version__}"}


def is_float(x):
    return jnp.issubdtype(jnp.asarray(x).dtype, jnp.inexact)


def plain(v):
    return int(v) if np.ndim(v) == 0 and np.asarray(v).dtype.kind in "ib" else float(v)


def listed(items):
    a = np.stack([np.asarray(x) for x in items])
    data = np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a
    return {"dtype": str(a.dtype), "shape": list(a.shape[1:]), "data": [plain(v) for v in data.ravel()]}


def path(keys):
    return ".".join(str(getattr(k, "key", getattr(k, "idx", None))) for k in keys)


def stored(items):
    flats = [jax.tree_util.tree_flatten_with_path(t)[0] for t in items]
    return {path(flats[0][i][0]): listed([f[i][1] for f in flats]) for i in range(len(flats[0]))}


def wave(x, phase, f):
    n = jnp.size(x)
    w = f(phase * jnp.arange(n) + 1).reshape(jnp.shape(x))
    return (w * (1 + 0.5j) if jnp.iscomplexobj(x) else w).astype(jnp.asarray(x).dtype)


def loss_of(f):
    def loss(*args):
        leaves = [y for y in jax.tree_util.tree_leaves(f(*args)) if is_float(y)]
        return sum((jnp.conj(wave(y, 1, jnp.cos)) * y).real.sum() + 0.1 * (y * jnp.conj(y)).real.sum() for y in leaves)

    return loss


def derivatives(f, reverse, second, args):
    wrt = [i for i, a in enumerate(args) if is_float(a)]
    with_only = lambda g: lambda *xs: g(*[xs[wrt.index(i)] if i in wrt else a for i, a in enumerate(args)])
    f = with_only(f)
    floats = [args[i] for i in wrt]
    out = {"value": f(*floats)}
    if not wrt:
        return out
    v = tuple(wave(a, 2, jnp.sin) for a in floats)
    only_floats = lambda *xs: [y for y in jax.tree_util.tree_leaves(f(*xs)) if is_float(y)]
    out["tangent"] = jax.jvp(only_floats, tuple(floats), v)[1]
    if reverse:
        gradient = lambda *xs: [jnp.conj(g) for g in jax.grad(loss_of(f), tuple(range(len(xs))))(*xs)]
        out["grad"] = gradient(*floats)
        if second:
            out["hvp"] = jax.jvp(gradient, tuple(floats), v)[1]
    return out


def cases():
    for number, (name, c) in enumerate(CASES.items()):
        rng = np.random.default_rng(100 + number)
        draw = lambda a: a(rng) if callable(a) else rng.standard_normal(a)
        items = [[jnp.asarray(draw(a)) for a in c["args"]] for _ in range(ITEMS)]
        run = jax.jit(lambda *args: derivatives(c["f"], c["reverse"], c["second"], args))
        results = [run(*args) for args in items]
        args = [listed([x[i] for x in items]) for i in range(len(c["args"]))]
        outs = {part: stored([r[part] for r in results]) for part in results[0]}
        assert all(np.isfinite(x["data"]).all() for o in outs.values() for x in o.values()), name
        yield {"name": name, "args": args, **outs}


# ---- nested: x of 3, a and b scalars, to 3


W, M1, M2, M3 = jnp.array([0.3, -0.7, 0.5]), jnp.array([1, 0.5, -0.8, 1.2]), jnp.array([0.9, 1.1, 0.7, -0.6]), jnp.array([0.4, -0.3, 0.6, 0.5])
XS = jnp.array([0.2, -0.4, 0.1, 0.3])


def base(x, a, b):
    return jnp.tanh(a * x) + b * jnp.sin(x) * x.mean()


def grad(f):
    def of(x, a, b):
        gx, ga, gb = jax.grad(lambda *p: (W * f(*p)).sum(), (0, 1, 2))(x, a, b)
        return gx + ga * x - gb

    return of


def jvp(f):
    def of(x, a, b):
        y, t = jax.jvp(f, (x, a, b), (W, jnp.float64(0.6), jnp.float64(-0.4)))
        return 0.5 * y + t

    return of


def vmap(f):
    def of(x, a, b):
        y = jax.vmap(f, (0, 0, None))(M1[:, None] * x, M2 * a, b)
        return (M3[:, None] * y).sum(0)

    return of


def scan(f):
    def of(x, a, b):
        def step(c, t):
            c = 0.5 * f(c, a, b) + t
            return c, (c * c).sum()

        c, ys = jax.lax.scan(step, x, XS)
        return c + 0.1 * ys.sum()

    return of


def cond(f):
    return lambda x, a, b: jax.lax.cond(x.sum() > 0, lambda x: f(x, a, b), lambda x: jnp.sin(x) * a, x)


COMBINE = {f.__name__: f for f in (grad, jvp, vmap, scan, cond)}


def nested():
    rng = np.random.default_rng(8)
    items = [[jnp.asarray(rng.standard_normal(s)) for s in ((3,), (), ())] for _ in range(ITEMS)]
    assert len({bool(x.sum() > 0) for x, _, _ in items}) == 2  # both branches of cond
    yield {"args": [listed([x[i] for x in items]) for i in range(3)]}
    for n in (1, 2, 3):
        for word in itertools.product(COMBINE, repeat=n):
            f = base
            for name in reversed(word):
                f = COMBINE[name](f)
            run = jax.jit(f)
            yield {"word": " ".join(word), "value": listed([run(*x) for x in items])["data"]}


def write(name, rows):
    lines = ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)
    (FOLDER / name).write_text(f'{json.dumps(HEAD)[:-1]}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    write("loops.json", cases())
    write("loops-nested.json", nested())
