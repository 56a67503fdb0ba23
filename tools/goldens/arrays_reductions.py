"""Golden values of reductions, running functions, order and statistics: test/golden/arrays/reductions.json.

Usage: python tools/goldens/arrays_reductions.py     (versions: tools/goldens/requirements.txt; a minute)

Values of NumPy and SciPy, gradients by JAX. Fixed numbers.
"""
import jax
import numpy as np
import scipy.special

from arrays_cases import case, write

INF, NAN = np.inf, np.nan


def numbers(*shape, seed=0):
    n = int(np.prod(shape, dtype=int))
    return np.asarray(((np.arange(n) + seed) * 7 % 11 - 4.0 + np.arange(n) / 8).reshape(shape))


def ints(x):
    return np.array(x, dtype=np.int32)


def reals(*x):
    return np.array(x, dtype=float)


def wrap(y):
    """As int32 does: NumPy takes int32 to int64 in sums and products."""
    return np.asarray(y).astype(np.int32) if np.issubdtype(np.asarray(y).dtype, np.integer) else y


AXES = ((None, False), (0, False), (-1, True), ((0, 2), False))
EDGES = [reals(NAN, 1), reals(1, NAN, 2), reals(INF, -INF), reals(-0.0, 0.0), reals(0, 0, 3), reals(2, 0, 3), reals()]
ZEROS = np.array([[2.0, 0, 3, 0], [1.5, 2, 0, -1], [1, -2, 0.5, 3]])


def options(axis, keep=False, **more):
    entry = {} if axis is None else {"axis": list(axis) if isinstance(axis, tuple) else axis}
    return {**entry, **({"keepDims": True} if keep else {}), **more}


def running(m, f, axis, reverse):
    def call(m, x):
        y = x.ravel() if axis is None else x
        a = 0 if axis is None else axis
        y = m.flip(y, a) if reverse else y
        y = f(m, y, a)
        return m.flip(y, a) if reverse else y
    return call


RUNNING = {
    "cumsum": lambda m, x, a: m.cumsum(x, a),
    "cumprod": lambda m, x, a: m.cumprod(x, a),
    "cummax": lambda m, x, a: m.maximum.accumulate(x, axis=a) if m is np else jax.lax.cummax(x, a % x.ndim),
    "cummin": lambda m, x, a: m.minimum.accumulate(x, axis=a) if m is np else jax.lax.cummin(x, a % x.ndim),
    "cumlogsumexp": lambda m, x, a: np.logaddexp.accumulate(x, axis=a) if m is np else jax.lax.cumlogsumexp(x, a % x.ndim),
}


def runnings():
    x = numbers(2, 3, 4) / 4
    for name, f in RUNNING.items():
        ulp = 32 if name in ("cumsum", "cumprod", "cumlogsumexp") else 0
        for axis in (None, 0, 1, -1):
            for reverse in (False, True):
                yield case(name, [x, options(axis, **({"reverse": True} if reverse else {}))], running(None, f, axis, reverse), ulp=ulp)
        for edge in EDGES:
            if edge.size or name in ("cumsum", "cumprod"):
                yield case(name, [edge], running(None, f, None, False), False, ulp=ulp)
        if name != "cumlogsumexp":
            i = ints([[3, -1, 2], [2**31 - 1, 5, -7]])
            yield case(name, [i, {"axis": 1}], None, False, wrap(f(np, i, 1)))
    yield case("cumprod", [ZEROS, {"axis": 1}], lambda m, x: m.cumprod(x, 1), ulp=32)
    yield case("cumlogsumexp", [reals(-INF, -INF, 1, 2000, -INF)], running(None, RUNNING["cumlogsumexp"], None, False), False, ulp=32)
    yield case("cumsum", [numbers(3) + 1j * numbers(3)], lambda m, x: m.cumsum(x), False, ulp=32)
    yield case("cumprod", [numbers(3) + 1j * numbers(3)], lambda m, x: m.cumprod(x), False, ulp=32)


def products():
    x = numbers(2, 3, 4) / 4
    for axis, keep in (*AXES, ((1, 2), True), ((), False)):
        yield case("prod", [x, options(axis, keep)], lambda m, x: m.prod(x, axis=axis, keepdims=keep), ulp=32)
    yield case("prod", [ZEROS, {"axis": 1}], lambda m, x: m.prod(x, axis=1), ulp=32)
    for edge in EDGES:
        yield case("prod", [edge], lambda m, x: m.prod(x), False)
    yield case("prod", [ints([65536, 65537, 3])], None, False, wrap(np.prod(ints([65536, 65537, 3]))))
    yield case("prod", [np.zeros((0, 2)), {"axis": 0}], lambda m, x: m.prod(x, axis=0), False)
    for axis, keep in AXES:
        i = (numbers(2, 3, 4) * 3).astype(np.int32)
        yield case("max", [i, options(axis, keep)], None, False, i.max(axis=axis, keepdims=keep))
        yield case("min", [i, options(axis, keep)], None, False, i.min(axis=axis, keepdims=keep))
        b = (np.arange(24) % 5 == 0).reshape(2, 3, 4)
        for name in ("any", "all"):
            yield case(name, [b, options(axis, keep)], None, False, np.asarray(getattr(np, name)(b, axis=axis, keepdims=keep)))
        yield case("countNonzero", [i, options(axis, keep)], None, False, wrap(np.count_nonzero(i, axis=axis, keepdims=keep)))
    for edge in EDGES:
        for name in ("any", "all"):
            yield case(name, [edge], None, False, np.asarray(getattr(np, name)(edge)))
        yield case("countNonzero", [edge], None, False, wrap(np.count_nonzero(edge)))
    yield case("all", [np.zeros((2, 0)), {"axis": 1}], None, False, np.all(np.zeros((2, 0)), axis=1))
    yield case("any", [np.zeros((2, 0)), {"axis": 0}], None, False, np.any(np.zeros((2, 0)), axis=0))
    yield case("scatterAdd", [ints([1, 2**31 - 1]), ints([1, 0, 1]), ints([5, 6, 1])], None, False, ints([7, -(2**31) + 5]))


def orders():
    x = numbers(2, 3, 4)
    ties = reals(2, 1, 2, NAN, 1, -0.0, 0.0, INF, -INF, NAN)
    z = np.array([1 + 2j, 1 - 1j, -3 + 0j, 1 + 2j])
    for axis in (-1, 0, 1):
        yield case("sort", [x, {"axis": axis}], lambda m, x: m.sort(x, axis=axis))
        yield case("sort", [x, {"axis": axis, "descending": True}], lambda m, x: m.flip(m.sort(x, axis=axis), axis))
        yield case("argsort", [x, {"axis": axis}], lambda m, x: m.argsort(x, axis=axis, kind="stable"), False)
    yield case("sort", [ties], lambda m, x: m.sort(x, kind="stable"), False)
    yield case("argsort", [ties], lambda m, x: np.argsort(x, kind="stable"), False)
    down = np.array([7, 0, 2, 1, 4, 5, 6, 8, 3, 9])
    yield case("argsort", [ties, {"descending": True}], None, False, down)
    yield case("sort", [ties, {"descending": True}], None, False, ties[down])
    long = numbers(600) % 17
    yield case("argsort", [long], lambda m, x: np.argsort(x, kind="stable"), False)
    yield case("argsort", [long.astype(np.float32)], lambda m, x: np.argsort(x, kind="stable"), False)
    yield case("argsort", [long.astype(np.int32) - 5], lambda m, x: np.argsort(x, kind="stable"), False)
    yield case("sort", [z], lambda m, x: m.sort(x), False)
    yield case("argsort", [z], lambda m, x: np.argsort(x, kind="stable"), False)
    yield case("sort", [ints([3, -1, 2**31 - 1, -2**31])], lambda m, x: m.sort(x), False)
    yield case("sort", [np.array([True, False, True])], lambda m, x: m.sort(x), False)
    yield case("sort", [np.zeros((2, 0))], lambda m, x: m.sort(x), False)
    s, v = reals(-INF, 1, 1, 2, NAN), reals(-INF, 0, 1, 1.5, 2, INF, NAN)
    for side in ("left", "right"):
        yield case("searchSorted", [s, v, {"side": side}], lambda m, s, v: np.searchsorted(s, v, side), False)
    yield case("searchSorted", [reals(1, 2), numbers(2, 3)], lambda m, s, v: np.searchsorted(s, v), False)
    yield case("searchSorted", [ints([1, 5, 5]), ints([5, 0, 9])], lambda m, s, v: np.searchsorted(s, v), False)
    yield case("searchSorted", [reals(), reals(1)], lambda m, s, v: np.searchsorted(s, v), False)
    yield case("argmin", [ties], lambda m, x: np.argmin(x), False)


def statistics():
    x = numbers(2, 3, 4)
    for axis, keep in AXES:
        for ddof in (0, 1):
            yield case("variance", [x, options(axis, keep, ddof=ddof)], lambda m, x: m.var(x, axis=axis, ddof=ddof, keepdims=keep), ulp=32)
            yield case("std", [x, options(axis, keep, ddof=ddof)], lambda m, x: m.std(x, axis=axis, ddof=ddof, keepdims=keep), ulp=32)
        yield case("median", [x, options(axis, keep)], lambda m, x: m.median(x, axis=axis, keepdims=keep), ulp=8)
        for q in (0, 0.25, 0.9, 1):
            yield case("quantile", [x, q, options(axis, keep)], lambda m, x: m.quantile(x, float(q), axis=axis, keepdims=keep), ulp=8)
    for method in ("lower", "higher", "midpoint", "nearest"):
        for q in (0, 0.3, 0.5, 1):
            yield case("quantile", [x, q, {"axis": 1, "method": method}], lambda m, x: m.quantile(x, float(q), axis=1, method=method), method != "nearest", ulp=8)
    yield case("quantile", [x, [0.1, 0.5], {"axis": 0}], lambda m, x: m.quantile(x, m.array([0.1, 0.5]), axis=0), ulp=8)
    for edge in (reals(1, NAN, 2), reals(INF, 1), reals(1, 1, 1), reals(5)):
        yield case("median", [edge], lambda m, x: m.median(x), False)
    z = numbers(2, 3) + 1j * numbers(2, 3, seed=2)
    yield case("variance", [z, {"axis": 1}], lambda m, x: m.var(x, axis=1), False, ulp=32)
    for row in (True, False):
        yield case("cov", [numbers(3, 4), {"rowVar": row}], lambda m, x: m.cov(x, rowvar=row), ulp=32)
        yield case("corrcoef", [numbers(3, 4), {"rowVar": row}], lambda m, x: m.corrcoef(x, rowvar=row), ulp=32)
    yield case("cov", [numbers(3, 4), {"ddof": 0}], lambda m, x: m.cov(x, ddof=0), ulp=32)
    yield case("cov", [numbers(5)], lambda m, x: m.cov(x), ulp=32)
    yield case("cov", [z], lambda m, x: m.cov(x), False, ulp=32)
    yield case("corrcoef", [z], lambda m, x: m.corrcoef(x), False, ulp=32)


def softmaxes():
    x = numbers(2, 3, 4)
    for axis in (-1, 0, 1):
        yield case("softmax", [x, {"axis": axis}], lambda m, x: scipy.special.softmax(x, axis=axis) if m is np else jax.nn.softmax(x, axis), ulp=32)
        yield case("logSoftmax", [x, {"axis": axis}], lambda m, x: scipy.special.log_softmax(x, axis=axis) if m is np else jax.nn.log_softmax(x, axis), ulp=32)
    for edge in (reals(1000, 1001, -5000), reals(-INF, 0, 1), reals(NAN, 1)):
        yield case("softmax", [edge], lambda m, x: scipy.special.softmax(x), False, ulp=8)
        yield case("logSoftmax", [edge], lambda m, x: scipy.special.log_softmax(x), False, ulp=8)


def norms():
    x, z = numbers(2, 3, 4) + 0.1, numbers(2, 3) + 1j * numbers(2, 3, seed=2)
    for axis, keep in ((None, False), (0, False), (-1, True)):
        for ord in (2, 1, INF, -INF, 3, 0.5, 0):
            ours = options(axis, keep, **({} if ord == 2 else {"ord": ord}))
            if abs(ord) == INF:
                continue
            yield case("vectorNorm", [x, ours], lambda m, x: m.linalg.vector_norm(x, axis=axis, keepdims=keep, ord=ord), ord != 0, ulp=64)
    yield case("vectorNorm", [z], lambda m, x: m.linalg.vector_norm(x), False, ulp=32)
    yield case("vectorNorm", [z, {"ord": 1, "axis": 0}], lambda m, x: m.linalg.vector_norm(x, axis=0, ord=1), False, ulp=32)
    for ord in ("fro", 1, -1):
        yield case("norm", [numbers(3, 4) + 0.1, {"ord": ord}], lambda m, x: m.linalg.norm(x, ord), ulp=64)
    yield case("norm", [x], lambda m, x: m.linalg.norm(x, axis=(-2, -1)), ulp=32)
    yield case("norm", [numbers(5)], lambda m, x: m.linalg.norm(x), ulp=32)
    yield case("norm", [z, {"keepDims": True}], lambda m, x: m.linalg.norm(x, keepdims=True), False, ulp=32)


def differences():
    x = numbers(2, 3, 4)
    for n in (0, 1, 2, 3, 7):
        for axis in (0, 1, -1):
            yield case("diff", [x, {"n": n, "axis": axis}], lambda m, x: m.diff(x, n, axis), n < x.shape[axis], ulp=32)
    yield case("diff", [x], lambda m, x: m.diff(x), ulp=8)
    for edge in EDGES:
        yield case("diff", [edge], lambda m, x: m.diff(x), False)
    yield case("diff", [numbers(2, 3) + 1j * numbers(2, 3, seed=2)], lambda m, x: m.diff(x), False, ulp=8)
    yield case("diff", [ints([3, -1, 2])], None, False, np.diff(ints([3, -1, 2])))


if __name__ == "__main__":
    jax.config.update("jax_numpy_rank_promotion", "allow")
    write("reductions", [*runnings(), *products(), *orders(), *statistics(), *softmaxes(), *norms(), *differences()])
