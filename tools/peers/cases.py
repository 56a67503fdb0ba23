"""Cases with an exact number: a loss written once for all, its inputs, and which derivative is asked for. Inputs are exact in binary."""
from dataclasses import dataclass, field
from typing import Callable

import numpy as np
import scipy.linalg


@dataclass
class Case:
    id: str
    section: str
    title: str
    inputs: dict[str, np.ndarray]
    loss: Callable  # (operations, inputs) -> real scalar
    wrt: str = "a"
    orders: tuple[int, ...] = (1,)
    hermitian: bool = False  # the argument; its gradient is compared on Hermitian directions
    v: np.ndarray | None = field(default=None)


def draw(seed, shape, kind="real"):
    """Multiples of 1/2 in [-3, 3]."""
    rng = np.random.default_rng(seed)
    part = lambda: rng.integers(-6, 7, shape) / 2.0
    return part() + 1j * part() if kind == "complex" else part()


def hermitian(seed, n, kind):
    a = draw(seed, (n, n), kind)
    return a + a.conj().T


def with_spectrum(w, kind):
    """Q diag(w) Q^H, Q = I - u u^H / 2 with u^H u = 4: exact in binary where w is; Hermitian to the last bit."""
    u = np.array([1, 1j, -1, 1j]) if kind == "complex" else np.array([1.0, 1, -1, 1])
    q = np.eye(4) - np.outer(u, u.conj()) / 2
    a = (q * np.asarray(w, float)) @ q.conj().T
    lower = np.tril(a, -1)
    return lower + lower.conj().T + np.diag(np.real(np.diag(a))).astype(a.dtype)


def with_values(s, kind):
    """P diag(s) Q, P and Q reflections as above: exact in binary where s is."""
    u, w = (np.array([1, 1j, -1, 1j]), np.array([1j, 1, 1, -1])) if kind == "complex" else (np.array([1.0, 1, -1, 1]), np.array([1.0, -1, 1, 1]))
    p, q = (np.eye(4) - np.outer(x, x.conj()) / 2 for x in (u, w))
    return (p * np.asarray(s, float)) @ q


def singular(corank, kind):
    """4 x 4 of small integers with that corank whose LU in floating point has no pivot that is exactly zero, where that is possible."""
    for seed in range(1000):
        a = 2 * draw(seed, (4, 4 - corank), kind) @ (2 * draw(seed + 5000, (4 - corank, 4), kind)) / 8
        pivots = np.abs(np.diag(scipy.linalg.lu(a)[2]))
        if np.linalg.matrix_rank(a) == 4 - corank and pivots.min() > 0:
            return a
    raise ValueError("no such matrix")


def inner(x, c, y):
    return x.sum(x.real(x.conj(c) * y))


KINDS = ("real", "complex")
CASES: list[Case] = []
add = lambda *args, **more: CASES.append(Case(*args, **more))

# ---- inverse, solve ----
for kind in KINDS:
    a, c = draw(1, (3, 3), kind) + 5 * np.eye(3), draw(2, (3, 3), kind)
    loss = lambda x, p: inner(x, p["c"], x.inv(p["a"], adjoint=True))
    add(f"inv.adjoint.{kind}", "inverse", f"inverse of the adjoint, {kind}", {"a": a, "c": c}, loss, orders=(1, 2), v=draw(3, (3, 3), kind))
for op, title in (("solve", "solve with the adjoint, complex"), ("triangular", "triangular solve with the adjoint, complex")):
    loss = lambda x, p, op=op: inner(x, p["c"], getattr(x, op)(p["a"], p["b"], adjoint=True))
    inputs = {"a": draw(4, (3, 3), "complex") + 5 * np.eye(3), "b": draw(5, (3, 2), "complex"), "c": draw(6, (3, 2), "complex")}
    add(f"{op}.adjoint.complex", "inverse", title, inputs, loss)

# ---- determinant ----
det = lambda x, p: inner(x, p["c"], x.det(p["a"]))
c_of = {"real": np.array(1.0), "complex": np.array(1.0 - 0.5j)}
for kind in KINDS:
    regular = draw(7, (4, 4), kind)
    add(f"det.regular.{kind}", "determinant", f"regular, {kind}", {"a": regular, "c": c_of[kind]}, det, orders=(1, 2, 3), v=draw(8, (4, 4), kind))
last = np.array([[2.0, 1, -1, 3], [0, 1, 2, 1], [0, 0, 3, 0.5], [0, 0, 0, 0]])
add("det.corank1.last", "determinant", "corank 1, real, the last pivot exactly 0", {"a": last, "c": c_of["real"]}, det, orders=(1, 2), v=draw(8, (4, 4)))
pivot0 = np.array([[2.0, 1, -1, 3], [0, 0, 2, 1], [0, 0, 3, 0.5], [0, 0, 0, 1]])
add("det.corank1.pivot0", "determinant", "corank 1, real, another pivot exactly 0", {"a": pivot0, "c": c_of["real"]}, det, orders=(1, 2), v=draw(8, (4, 4)))
for corank in (1, 2, 3):
    for kind in KINDS:
        if corank < 3:
            a, how = singular(corank, kind), ", pivots rounded"
        else:
            a, how = np.outer(draw(31, 4, kind), draw(32, 4, kind)), ""
        more = {"orders": (1, 2, 3) if (corank, kind) in ((1, "real"), (3, "real")) else (1, 2), "v": draw(8, (4, 4), kind)}
        add(f"det.corank{corank}.{kind}", "determinant", f"corank {corank}, {kind}{how}", {"a": a, "c": c_of[kind]}, det, **more)

# ---- sign and logarithm of the determinant ----
for out, title in ((0, "through the sign (the phase)"), (1, "through the logarithm")):
    loss = lambda x, p, out=out: inner(x, p["c"], x.slogdet(p["a"])[out])
    c = c_of["complex"] if out == 0 else np.array(1.5)
    inputs = {"a": draw(9, (4, 4), "complex"), "c": c}
    add(f"slogdet.{'sign' if out == 0 else 'log'}", "slogdet", f"complex, {title}", inputs, loss, orders=(1, 2), v=draw(8, (4, 4), "complex"))

# ---- Hermitian cotangents ----
posdef = with_spectrum([1, 2, 3.5, 6], "complex")
b_h = hermitian(11, 4, "complex") / 4
add("herm.cholesky", "hermitian", "cholesky", {"a": posdef, "c": draw(12, (4, 4), "complex")}, lambda x, p: inner(x, p["c"], x.cholesky(p["a"])),
    hermitian=True)
add("herm.logdet", "hermitian", "logdet", {"a": posdef}, lambda x, p: x.sum(x.real(x.logdet(p["a"]))), hermitian=True)


def vectors(x, p):
    """sum_k c_k |v_k^H B v_k|^2: free of phases."""
    _, v = x.eigh(p["a"])
    r = x.real(x.sum(x.conj(v) * x.matmul(p["b"], v), axis=0))
    return x.sum(p["c"] * r * r)


weights = np.array([1.0, -2, 3, 0.5])
add("herm.eigh", "hermitian", "eigh, a loss of the vectors", {"a": posdef, "b": b_h, "c": weights}, vectors, hermitian=True, orders=(1, 2),
    v=hermitian(13, 4, "complex"))
add("herm.eigvalsh", "hermitian", "eigvalsh", {"a": posdef, "c": weights}, lambda x, p: x.sum(p["c"] * x.eigvalsh(p["a"])), hermitian=True)

# ---- equal eigenvalues ----
EQUAL = [1, 2, 2, 4]
for kind in KINDS:
    a, v, w = with_spectrum(EQUAL, kind), hermitian(14, 4, kind) / 4, hermitian(15, 4, kind) / 4
    common = {"hermitian": True, "v": v, "orders": (1, 2)}
    add(f"equal.exp.{kind}", "equal", f"Σ exp(w), w = eigvalsh(A), {kind}", {"a": a}, lambda x, p: x.sum(x.exp(x.eigvalsh(p["a"]))), **common)
    add(f"equal.square.{kind}", "equal", f"Σ w², {kind}", {"a": a}, lambda x, p: x.sum(x.eigvalsh(p["a"]) * x.eigvalsh(p["a"])), **common)
    expm = lambda x, p: inner(x, p["w"], x.expm(p["a"]))
    add(f"equal.expm.{kind}", "equal", f"tr(W eᴬ) by the matrix exponential, {kind}", {"a": a, "w": w}, expm,
        **{**common, "orders": (1, 2, 3) if kind == "real" else (1, 2)})
    sqrtm = lambda x, p: inner(x, p["w"], x.sqrtm(p["a"]))
    add(f"equal.sqrtm.{kind}", "equal", f"tr(W √A) by the matrix square root, {kind}", {"a": a, "w": w}, sqrtm, **common)
add("equal.square.zero", "equal", "Σ w² at A = 0", {"a": np.zeros((3, 3))}, lambda x, p: x.sum(x.eigvalsh(p["a"]) * x.eigvalsh(p["a"])),
    hermitian=True, v=hermitian(16, 3, "real"), orders=(1, 2))


def sqrt_of_vectors(x, p):
    """tr(W V diag(sqrt w) V^H)."""
    w, v = x.eigh(p["a"])
    return inner(x, p["w"], x.matmul(x.columns(v, x.sqrt(w)), x.adjoint(v)))


for gap in ("1e-6", "1e-8", "1e-10", "1e-12", "1e-14", "0"):
    a = with_spectrum([1, 2, 2 + float(gap), 4], "real")
    inputs = {"a": a, "w": hermitian(15, 4, "real") / 4}
    add(f"gap.{gap}.real", "gaps", f"gap {gap}, real", inputs, sqrt_of_vectors, hermitian=True, orders=(1, 2), v=hermitian(14, 4, "real") / 4)
inputs = {"a": with_spectrum(EQUAL, "complex"), "w": hermitian(15, 4, "complex") / 4}
add("gap.0.complex", "gaps", "gap 0, complex", inputs, sqrt_of_vectors, hermitian=True, orders=(1, 2), v=hermitian(14, 4, "complex") / 4)


def top_vector(x, p):
    """|b^H v|^2 for the vector of the largest eigenvalue, which is alone."""
    _, v = x.eigh(p["a"])
    s = x.sum(x.conj(p["b"]) * x.column(v, 3))
    return x.real(s * x.conj(s))


for kind in KINDS:
    inputs = {"a": with_spectrum([2, 2, 2, 4], kind), "b": draw(17, 4, kind)}
    add(f"equal.top.{kind}", "vectors", f"a loss of the one vector whose eigenvalue is alone, {kind}", inputs, top_vector, hermitian=True)

# ---- least squares ----
lstsq = lambda x, p: inner(x, p["c"], x.lstsq(p["a"], p["b"]))
for (m, n), shape in (((5, 3), "over-determined"), ((3, 5), "under-determined")):
    for kind in KINDS:
        inputs = {"a": draw(18, (m, n), kind), "b": draw(19, (m, 2), kind), "c": draw(20, (n, 2), kind)}
        for wrt in "ab":
            more = {"orders": (1, 2), "v": draw(21, (m, n), kind)} if wrt == "a" else {}
            add(f"lstsq.{shape[:-11]}.{kind}.{wrt}", "lstsq", f"{shape}, {kind}, gradient of {wrt.upper()}", inputs, lstsq, wrt=wrt, **more)
    for kind in KINDS:
        inputs = {"a": draw(18, (m, n), kind), "b": draw(19, (m, 2), kind), "c": draw(20, (n, 2), kind), "l": np.array(0.5)}
        regular = lambda x, p: inner(x, p["c"], x.lstsq(p["a"], p["b"], p["l"]))
        for wrt, what in (("a", "A"), ("l", "λ")):
            add(f"lstsq.{shape[:-11]}.lambda.{kind}.{wrt}", "lstsq", f"{shape}, {kind}, λ = 1/2, gradient of {what}", inputs, regular, wrt=wrt)
inputs = {"a": draw(18, (5, 3), "complex"), "b": draw(19, (5, 2), "complex"), "c": draw(20, (3, 2), "complex")}
add("lstsq.large", "lstsq", "over-determined, complex, gradient of A by the op for large stacks", inputs,
    lambda x, p: inner(x, p["c"], x.lstsq(p["a"], p["b"], large=True)))
exact_fit = {"p": draw(22, (4, 2), "complex"), "q": draw(23, (2, 3), "complex"), "b": draw(24, (4, 2), "complex"), "c": draw(25, (3, 2), "complex")}
for wrt in "pq":
    add(f"lstsq.deficient.{wrt}", "lstsq", f"rank 2 of 4 x 3, A = P Q, gradient of {wrt.upper()}", exact_fit,
        lambda x, p: inner(x, p["c"], x.lstsq_of_product(p["p"], p["q"], p["b"])), wrt=wrt)

# ---- singular values, pseudoinverse, QR ----
VALUES = [4, 2, 2, 1]
for kind in KINDS:
    a, v, w = with_values(VALUES, kind), draw(41, (4, 4), kind), draw(42, (4, 4), kind)
    twice = {"v": v, "orders": (1, 2)}
    add(f"svd.nuclear.{kind}", "svd", f"nuclear norm, two singular values equal, {kind}", {"a": a}, lambda x, p: x.nuclear(p["a"]), **twice)
    add(f"svd.norm2.{kind}", "svd", f"spectral norm, its singular value alone, others equal, {kind}", {"a": a}, lambda x, p: x.spectral(p["a"]), **twice)
    polar = lambda x, p: inner(x, p["w"], x.polar(p["a"]))
    add(f"svd.polar.{kind}", "svd", f"tr(Wᴴ U) of the polar factor U, two singular values equal, {kind}", {"a": a, "w": w}, polar, **twice)
    equal = {"a": with_values([2, 2, 2, 2], kind), "w": w}
    add(f"svd.polar.all.{kind}", "svd", f"the same, all singular values equal, {kind}", equal, polar, **twice)
    product = {"p": draw(43, (4, 2), kind), "q": draw(44, (2, 3), kind), "c": draw(45, (3, 4), kind)}
    pinv = lambda x, p: inner(x, p["c"], x.pinv_of_product(p["p"], p["q"]))
    add(f"pinv.deficient.{kind}", "svd", f"pseudoinverse of A = P Q, rank 2 of 4 x 3, gradient of P, {kind}", product, pinv, wrt="p",
        v=draw(46, (4, 2), kind), orders=(1, 2))


def squares(x, p):
    """A loss of |Q|^2 and |R|^2, which signs and phases do not change."""
    q, r = x.qr(p["a"])
    return x.sum(p["c"] * x.real(q * x.conj(q))) + x.sum(p["d"] * x.real(r * x.conj(r)))


for (m, n), shape in (((4, 2), "tall"), ((3, 3), "square"), ((2, 4), "wide")):
    for kind in KINDS:
        inputs = {"a": draw(51, (m, n), kind), "c": draw(48, (m, min(m, n))), "d": draw(49, (min(m, n), n))}
        add(f"qr.{shape}.{kind}", "qr", f"{shape}, {kind}", inputs, squares, v=draw(50, (m, n), kind), orders=(1, 2))
singular_last = {"a": np.array([[1.0, 2, 2], [0.5, -1, 0], [2, 1, 2.5]]), "c": draw(48, (3, 3)), "d": draw(49, (3, 3))}
add("qr.singular", "qr", "square, the last column depends on the others: |Q|² and |R|² have derivatives all the same", singular_last, squares,
    v=draw(50, (3, 3)), orders=(1, 2))
