"""Golden values of products and creation: test/golden/arrays/products.json.

Usage: python tools/goldens/arrays_products.py     (versions: tools/goldens/requirements.txt; a minute)

Values of NumPy, gradients by JAX. Fixed numbers.
"""
import numpy as np

from arrays_cases import case, write


def numbers(*shape, seed=0):
    n = int(np.prod(shape, dtype=int))
    return np.asarray(((np.arange(n) + seed) * 7 % 11 - 4.0 + np.arange(n) / 8).reshape(shape))


def ints(*shape):
    return numbers(*shape).astype(np.int32)


def complexes(*shape):
    return numbers(*shape) + 1j * numbers(*shape, seed=3)


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ji,jk->ik", (3, 2), (3, 4)), ("ij,kj->ki", (2, 3), (4, 3)), ("ba", (2, 3)), ("ii", (3, 3)),
    ("ii->i", (3, 3)), ("iij->j", (3, 3, 2)), ("iii", (2, 2, 2)), ("iijj->ij", (2, 2, 3, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("i,i", (4,), (4,)),
    ("i,j", (2,), (3,)), ("i,j->ji", (2,), (3,)), ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...i,...i->...", (2, 1, 3), (4, 3)), ("i...->...", (2, 3, 4)),
    ("...", (2, 3)), ("...j->j...", (2, 3, 2)), ("i...j,j", (2, 3, 2), (2,)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("ij,jk,kl,lm", (2, 3), (3, 2), (2, 3), (3, 2)),
    ("a,ab,b,bc,c->", (2,), (2, 3), (3,), (3, 2), (2,)), ("ij,ij,ij->i", (2, 3), (2, 3), (2, 3)), ("bij,bjk,bk->bi", (2, 3, 2), (2, 2, 3), (2, 3)), (",ij", (), (2, 3)),
    ("ij,->i", (2, 3), ()), (",->", (), ()), ("ij,jk->ik", (0, 3), (3, 2)), ("ij,jk->ik", (2, 0), (0, 3)), ("i->", (0,)), ("abcd,dcba", (2, 2, 1, 3), (3, 1, 2, 2)),
    ("Ab,bA->A", (2, 3), (3, 2)), ("ik,jk,lk->ijl", (2, 3), (3, 3), (2, 3)), ("ij,kl->iljk", (2, 2), (1, 3)), ("i,j,k,l,m,n,o->", (2,), (2,), (1,), (2,), (1,), (2,), (2,)),
    ("ab,bc,cd,de,ef,fg->ag", (2, 3), (3, 2), (2, 3), (3, 2), (2, 2), (2, 3)), ("aa,ab->b", (3, 3), (3, 2)), ("...a,...b->...", (2, 3), (2, 2)), ("bab,bb->a", (2, 3, 2), (2, 2)),
]


def einsums():
    for spec, *shapes in EINSUMS:
        arrays = [numbers(*s, seed=i) for i, s in enumerate(shapes)]
        yield case("einsum", [spec, *arrays], lambda m, *xs: m.einsum(spec, *xs), ulp=64)
    yield case("einsum", [" i j , j k -> i k ", ints(2, 3), ints(3, 2)], lambda m, a, b: m.einsum("ij,jk->ik", a, b))
    yield case("einsum", ["ij,jk->ki", complexes(2, 3), complexes(3, 2)], lambda m, a, b: m.einsum("ij,jk->ki", a, b), ulp=64)
    yield case("einsum", ["ji,j->i", complexes(3, 2), numbers(3)], lambda m, a, b: m.einsum("ji,j->i", a, b), False, ulp=64)


def products():
    a, b = numbers(2, 3), numbers(2, 2, seed=5)
    yield case("outer", [numbers(3), numbers(2)], lambda m, a, b: m.outer(a, b))
    yield case("outer", [a, b], lambda m, a, b: m.outer(a, b))
    yield case("outer", [ints(2), ints(3)], lambda m, a, b: m.outer(a, b))
    yield case("outer", [complexes(2), complexes(3)], lambda m, a, b: m.outer(a, b))
    for p, q in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (2, 3)), ((2, 2, 3), (2, 3))):
        yield case("inner", [numbers(*p), numbers(*q, seed=2)], lambda m, a, b: m.inner(a, b), ulp=64)
    for p, q in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 2, 3), (2, 3, 2)), ((2, 3), ()), ((0,), (0,)), ((2, 0), (0, 2))):
        yield case("dot", [numbers(*p), numbers(*q, seed=2)], lambda m, a, b: m.dot(a, b), ulp=64)
    yield case("dot", [ints(3), ints(3)], lambda m, a, b: m.dot(a, b))
    yield case("dot", [complexes(3), complexes(3)], lambda m, a, b: m.dot(a, b), ulp=64)
    yield case("vdot", [a, numbers(3, 2)], lambda m, a, b: m.vdot(a, b), ulp=64)
    yield case("vdot", [complexes(2, 2), complexes(4)], lambda m, a, b: m.vdot(a, b), ulp=64)
    yield case("vecdot", [numbers(2, 1, 3), numbers(4, 3)], lambda m, a, b: m.vecdot(a, b), ulp=64)
    yield case("vecdot", [a, numbers(2, 3, seed=1), {"axis": 0}], lambda m, a, b: m.vecdot(a, b, axis=0), ulp=64)
    yield case("vecdot", [complexes(2, 3), complexes(3)], lambda m, a, b: m.vecdot(a, b), ulp=64)
    yield case("matvec", [numbers(2, 3, 4), numbers(4)], lambda m, a, b: m.matvec(a, b), ulp=64)
    yield case("matvec", [numbers(2, 3, 4), numbers(2, 4)], lambda m, a, b: m.matvec(a, b), ulp=64)
    yield case("cross", [numbers(3), numbers(3, seed=4)], lambda m, a, b: m.cross(a, b), ulp=64)
    yield case("cross", [numbers(2, 1, 3), numbers(4, 3, seed=4)], lambda m, a, b: m.cross(a, b), ulp=64)
    yield case("cross", [numbers(3, 2), numbers(3, 2, seed=4), {"axis": 0}], lambda m, a, b: m.cross(a, b, axis=0), ulp=64)
    for p, q in (((2, 3), (2, 2)), ((3,), (2,)), ((2, 2), (3,)), ((3,), (2, 2)), ((), (2, 2)), ((2, 1, 2), (2, 2, 1)), ((2, 0), (2, 2))):
        yield case("kron", [numbers(*p), numbers(*q, seed=1)], lambda m, a, b: m.kron(a, b))
    p, q = numbers(2, 3, 4), numbers(3, 4, 2, seed=1)
    yield case("tensordot", [p, q], lambda m, a, b: m.tensordot(a, b), ulp=64)
    yield case("tensordot", [a, b, 0], lambda m, a, b: m.tensordot(a, b, 0), ulp=64)
    yield case("tensordot", [p, numbers(4, 2), 1], lambda m, a, b: m.tensordot(a, b, 1), ulp=64)
    yield case("tensordot", [p, q, [[1, 2], [0, 1]]], lambda m, a, b: m.tensordot(a, b, ([1, 2], [0, 1])), ulp=64)
    yield case("tensordot", [p, q, [[2, 0], [1, 2]]], lambda m, a, b: m.tensordot(a, b, ([2, 0], [1, 2])), ulp=64)
    yield case("tensordot", [p, q, [-1, 1]], lambda m, a, b: m.tensordot(a, b, (-1, 1)), ulp=64)
    for shapes in (((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 2)), ((3,), (3, 4), (4, 2), (2,)), ((2, 5), (5, 1), (1, 4), (4, 3)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,))):
        arrays = [numbers(*s, seed=i) for i, s in enumerate(shapes)]
        yield case("multiDot", [arrays], None, False, np.linalg.multi_dot(arrays), ulp=64)


def creation():
    for n, options in ((3, {}), (2, {"columns": 4}), (3, {"k": 1}), (3, {"columns": 2, "k": -1}), (0, {})):
        yield case("tri", [n, options], None, False, np.tri(n, options.get("columns"), options.get("k", 0)))
    xs = [numbers(2), numbers(3), numbers(2, seed=3)]
    for count in (1, 2, 3):
        for indexing in ("xy", "ij"):
            made = [np.asarray(g) for g in np.meshgrid(*xs[:count], indexing=indexing)]
            yield case("meshgrid", [xs[:count], {"indexing": indexing}], None, False, made)
    yield case("meshgrid", [[ints(2), numbers(2)]], None, False, [np.asarray(g) for g in np.meshgrid(ints(2), numbers(2))])


if __name__ == "__main__":
    write("products", [*einsums(), *products(), *creation()])
