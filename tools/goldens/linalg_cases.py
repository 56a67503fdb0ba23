"""The cases: per op, attributes and shapes. Every one is made in all four dtypes."""
import itertools
from dataclasses import dataclass, field



@dataclass
class Case:
    op: str
    attrs: dict
    shapes: dict
    domains: dict = field(default_factory=dict)  # other than "any": linalg_sample.py
    real: tuple = ()  # inputs that are real in a complex case

    @property
    def name(self):
        return f"{self.op} {self.attrs} {self.shapes}" + (f" real {','.join(self.real)}" if self.real else "")


def square(op, domain, *shapes):
    return [Case(op, {}, {"a": s}, {"a": domain}) for s in shapes or [(1, 1), (4, 4), (3, 3, 3), (2, 1, 2, 2), (5, 5)]]


def inverses():
    plain = [(1, 1), (4, 4), (3, 3, 3), (2, 1, 2, 2)]
    turned = [(3, 3), (3, 2, 2), (2, 1, 3, 3), (5, 5)]
    flags = [(False, s) for s in plain] + [(True, s) for s in turned]
    return [Case("inv", {"adjoint": h}, {"a": s}, {"a": "invertible"}) for h, s in flags]


# a and b: matrices, one vector for all, and batches that broadcast either way and against each other
PAIRS = [
    ((1, 1), (1, 2)),
    ((4, 4), (4, 2)),
    ((5, 5), (5,)),
    ((3, 3, 3), (3, 3, 2)),
    ((3, 2, 2), (2, 3)),
    ((3, 3), (2, 1, 3, 1)),
    ((2, 1, 3, 3), (3, 3, 1)),
    ((3, 2, 2), (2,)),
]


def solves():
    flags = [(h, p) for p in PAIRS for h in ([False, True] if len(p[0]) == 2 or len(p[1]) == 1 else [len(p[0]) == 4])]
    cases = [Case("solve", {"adjoint": h}, {"a": a, "b": b}, {"a": "invertible"}) for h, (a, b) in flags]
    mixed = {"adjoint": True}, {"a": (3, 3), "b": (3, 2)}, {"a": "invertible"}
    return cases + [Case("solve", *mixed, real=(name,)) for name in ("a", "b")]


def triangular_solves():
    usual = {"lower": True, "adjoint": False, "transpose": False, "unitDiagonal": False, "side": "left"}
    domains = {"a": "triangular"}
    cases = []
    turns = [{}, {"adjoint": True}, {"transpose": True}]
    for lower, turn, unit, side in itertools.product([True, False], turns, [False, True], ["left", "right"]):
        attrs = {**usual, **turn, "lower": lower, "unitDiagonal": unit, "side": side}
        cases.append(Case("solveTriangular", attrs, {"a": (3, 3), "b": (3, 2) if side == "left" else (2, 3)}, domains))
    for i, (a, b) in enumerate(PAIRS):
        attrs = {**usual, "lower": i % 2 == 0, "adjoint": i % 3 == 0}
        cases.append(Case("solveTriangular", attrs, {"a": a, "b": b}, domains))
    right = {**usual, "side": "right"}
    cases += [
        Case("solveTriangular", right, {"a": (3, 2, 2), "b": (1, 2)}, domains),
        Case("solveTriangular", {**right, "lower": False}, {"a": (4, 4), "b": (2, 1, 3, 4)}, domains),
        Case("solveTriangular", {**right, "adjoint": True}, {"a": (4, 4), "b": (4,)}, domains),
    ]
    return cases


def cholesky_solves():
    return [Case("choleskySolve", {}, {"l": l, "b": b}, {"l": "triangular"}) for l, b in PAIRS]


def products():
    usual = {"adjointA": False, "adjointB": False}
    shapes = [((1, 1), (1, 1)), ((3, 2), (2, 4)), ((3, 2, 3), (3, 3, 2)), ((3, 2, 3), (3, 2)), ((2, 1, 2, 2), (3, 2, 1))]
    cases = [Case("matmul", usual, {"a": a, "b": b}) for a, b in shapes]
    for h, k in [(True, False), (False, True), (True, True)]:
        a, b = ((2, 3) if h else (3, 2)), ((4, 2) if k else (2, 4))
        cases.append(Case("matmul", {"adjointA": h, "adjointB": k}, {"a": a, "b": b}))
        if h and k:
            cases.append(Case("matmul", {"adjointA": h, "adjointB": k}, {"a": (3, *a), "b": b}))
    vectors = [((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((3, 2, 3), (3,))]
    cases += [Case("matmul", {**usual, "vector": True}, {"a": a, "b": b}) for a, b in vectors]
    return cases + [Case("matmul", {"adjointA": True, "adjointB": False}, {"a": (2, 3), "b": (2, 2)}, real=(n,)) for n in ("a", "b")]


def least_squares():
    def case(method, a, b, l2=None, domain="invertible", regularizer="positive", **options):
        shapes = {"a": a, "b": b} | ({} if l2 is None else {"l2": l2})
        return Case("lstsq", {"method": method, **options}, shapes, {"a": domain, "l2": regularizer})

    cases = []
    for method in ["qr", "svd", "cholesky"]:
        for a in [(4, 2), (2, 4)]:
            cases.append(case(method, a, (a[0], 2)))
            cases.append(case(method, a, (a[0], 2), l2=()))
    cases += [
        case("qr", (1, 1), (1, 2)),
        case("qr", (3, 3), (3, 2)),
        case("qr", (3, 3), (3, 1), l2=()),
        case("qr", (5, 3), (5,)),
        case("qr", (3, 5), (3,), l2=()),
        case("qr", (3, 3, 2), (3, 3, 2)),
        case("cholesky", (3, 2, 3), (3, 2, 1)),
        case("svd", (3, 3, 2), (3, 3, 1)),
        case("qr", (2, 3), (2, 1, 2, 1)),
        case("qr", (3, 3, 2), (3,)),
        case("qr", (2, 1, 3, 2), (3, 3, 1), l2=()),
        case("svd", (3, 2, 3), (2, 2), l2=()),
        case("qr", (3, 3, 2), (3, 1), l2=(3,)),
        # derivatives at λ = 0
        case("qr", (3, 2), (3, 2), l2=(), regularizer="zero"),
        case("cholesky", (2, 3), (2, 2), l2=(), regularizer="zero"),
        # rank min(m, n) - 1
        case("qr", (4, 3), (4, 1), l2=(), domain="deficient"),
        case("svd", (4, 3), (4, 2), domain="deficient"),
        case("svd", (3, 4), (3, 2), domain="deficient"),
        case("svd", (3, 3), (3, 1), domain="deficient", rcond=1e-5),
        case("svd", (3, 3, 2), (3, 3, 1), domain="deficient", rcond=1e-5),
        case("svd", (2, 1, 2, 3), (2,), domain="deficient", rcond=1e-5),
    ]
    return cases


CASES = {
    "inv": inverses,
    "det": lambda: square("det", "invertible"),
    "slogdet": lambda: square("slogdet", "invertible"),
    "logdet": lambda: square("logdet", "hpd"),
    "cholesky": lambda: square("cholesky", "hpd"),
    "choleskySolve": cholesky_solves,
    "lu": lambda: square("lu", "pivoted", (1, 1), (4, 4), (3, 3, 3), (2, 1, 2, 2), (6, 6), (5, 3), (3, 5), (3, 2, 4), (2, 1, 4, 2)),
    "solve": solves,
    "solveTriangular": triangular_solves,
    "eigh": lambda: square("eigh", "hermitian"),
    "eigvalsh": lambda: square("eigvalsh", "hermitian"),
    "expmHermitian": lambda: square("expmHermitian", "hermitian"),
    "logmHermitian": lambda: square("logmHermitian", "hpd"),
    "sqrtmHermitian": lambda: square("sqrtmHermitian", "hpd"),
    "matmul": products,
    "lstsq": least_squares,
}
