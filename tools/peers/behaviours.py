"""What a peer does where there is no number to compare: bad items in a batch, empty matrices, vectors that no gradient belongs to."""
import re

import numpy as np
from cases import draw, with_spectrum
from missing import Missing
from samples import SAMPLES, count, title


def brief(error):
    """'raises: TypeName: first words'."""
    text = " ".join(str(error).split())
    if isinstance(error, Missing):
        return text
    text = re.sub(r"\{\{.*?\}\}", "", text).split(" [Op:")[0].strip()
    text = re.split(r"(?<=[a-z]{2})[.;] | because | \(the leading", text)[0]
    return f"raises: {type(error).__name__}: {text if len(text) <= 110 else text[:110].rsplit(' ', 1)[0] + ' ...'}"


def host(t):
    return np.asarray(t.detach().resolve_conj() if hasattr(t, "detach") else t)


def close(a, b):
    return bool(np.max(np.abs(a - b), initial=0) <= 1e-9 * max(1, np.max(np.abs(b), initial=0)))


def kind_of(item):
    if np.all(np.isfinite(item)):
        return "zeros" if not np.any(item) else "finite numbers"
    return "NaN" if np.any(np.isnan(item)) else "Inf"


GOOD = with_spectrum([1, 2, 3, 4], "real")
BAD = {
    "cholesky.indefinite": ("cholesky", "cholesky, one item indefinite", with_spectrum([1, -1, 2, 3], "real")),
    "cholesky.nan": ("cholesky", "cholesky, one item with NaN", np.where(np.eye(4) == 1, np.nan, GOOD)),
    "inv.singular": ("inv", "inverse, one item singular", np.diag([1.0, 0, 2, 3])),
    "inv.rounded": ("inv", "inverse, one item singular but for rounding", np.array([[1.0, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0], [0, 0, 0, 1]]) / 10),
    "inv.nan": ("inv", "inverse, one item with NaN", np.where(np.eye(4) == 1, np.nan, GOOD)),
    "solve.singular": ("solve", "solve, one item singular", np.diag([1.0, 0, 2, 3])),
    "solve.nan": ("solve", "solve, one item with NaN", np.where(np.eye(4) == 1, np.nan, GOOD)),
    "eigvalsh.nan": ("eigvalsh", "eigvalsh, one item with NaN", np.where(np.eye(4) == 1, np.nan, GOOD)),
}


def bad_item(x, op, bad):
    """Three matrices, the middle one bad: what becomes of it, of the others, and of the gradients of all."""
    a = np.stack([GOOD, bad, GOOD + np.eye(4)])
    f = (lambda t: x.solve(t, x.array(np.ones((3, 4, 1))))) if op == "solve" else getattr(x, op)
    single = (lambda t: x.solve(t, x.array(np.ones((4, 1))))) if op == "solve" else getattr(x, op)
    try:
        y = host(f(x.array(a)))
        right = all(close(y[i], host(single(x.array(a[i])))) for i in (0, 2))
        g = x.gradient(lambda t: x.sum(x.real(f(t))), x.array(a))
        want = [x.gradient(lambda t: x.sum(x.real(single(t))), x.array(a[i])) for i in (0, 2)]
    except Exception as error:
        return brief(error)
    right_too = close(g[0], want[0]) and close(g[2], want[1])
    kinds = dict.fromkeys((kind_of(y[1]), kind_of(g[1])))
    return f"{', gradient '.join(kinds)}; others {'right' if right else 'wrong'}, their gradients {'right' if right_too else 'wrong'}"


EMPTY = ("inv", "det", "slogdet", "solve", "cholesky", "eigvalsh", "eigh", "lstsq")


def empty(x, op, shape):
    """Value and gradient of an empty stack or of 0 x 0 matrices."""
    a = x.array(np.zeros(shape))
    b = x.array(np.zeros((*shape[:-1], 1)))
    f = {
        "solve": lambda t: x.sum(x.solve(t, b)),
        "lstsq": lambda t: x.sum(x.lstsq(t, b)),
        "slogdet": lambda t: x.sum(x.slogdet(t)[1]),
        "eigh": lambda t: x.sum(x.eigh(t)[1]) + x.sum(x.eigh(t)[0]),
    }.get(op, lambda t: x.sum(getattr(x, op)(t)))
    try:
        value = float(host(f(a)))
        want = 1.0 if op == "det" and shape == (0, 0) else 0.0
        if value != want:
            return f"value {value}"
    except Exception as error:
        return brief(error)
    try:
        g = x.gradient(f, a)
        return "right" if g.shape == shape else f"gradient of shape {g.shape}"
    except Exception as error:
        return f"value right; gradient {brief(error)}"


def no_answer(x, which):
    """Losses of vectors that no gradient belongs to: of a degenerate pair, or dependent on a phase."""
    b = np.array([1, -2, 0.5, 3])
    if which == "pair":
        a = with_spectrum([1, 2, 2, 4], "real")
        loss = lambda t: x.sum(x.array(b) * x.column(x.eigh(t)[1], 1)) ** 2  # free of signs
    else:
        d = np.array([1, 1j, 1, 1j])
        a = with_spectrum([1, 2, 3, 4], "real") * np.outer(d, d.conj())
        loss = lambda t: x.sum(x.array(b) * x.real(x.column(x.eigh(t)[1], 1)))
    try:
        g = x.gradient(loss, x.array(a))
        return f"{kind_of(g)}{f', largest {np.max(np.abs(g)):.0e}' if np.all(np.isfinite(g)) else ''}"
    except Exception as error:
        return brief(error)


def slow(x):
    """TensorFlow's least squares that does not square the condition number has no gradient."""
    p = {k: x.array(a) for k, a in {"a": draw(18, (5, 3)), "b": draw(19, (5, 2))}.items()}
    try:
        x.gradient(lambda t: x.sum(x.lstsq(t, p["b"], fast=False)), p["a"])
        return "yes"
    except Exception as error:
        return brief(error)


BEHAVIOURS = {
    **{id: ("determinant", title(id), lambda x, id=id: count(x, id)) for id in SAMPLES},
    **{f"batch.{id}": ("batch", title, lambda x, op=op, bad=bad: bad_item(x, op, bad)) for id, (op, title, bad) in BAD.items()},
    **{f"empty.n0.{op}": ("empty", f"{op}, 0 x 0", lambda x, op=op: empty(x, op, (0, 0))) for op in EMPTY},
    **{f"empty.batch0.{op}": ("empty", f"{op}, no items of 3 x 3", lambda x, op=op: empty(x, op, (0, 3, 3))) for op in EMPTY},
    "vectors.pair": ("vectors", "a loss of one vector of an equal pair (no gradient exists)", lambda x: no_answer(x, "pair")),
    "vectors.phase": ("vectors", "a loss that depends on a vector's phase, complex (no gradient exists)", lambda x: no_answer(x, "phase")),
    "lstsq.slow": ("lstsq", "has the method that does not square the condition number a gradient?", slow),
}
