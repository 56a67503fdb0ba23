"""Golden values of indexing and joining: test/golden/arrays/indexing.json.

Usage: python tools/goldens/arrays_indexing.py     (versions: tools/goldens/requirements.txt; a minute)

Values of NumPy, gradients by JAX. Fixed numbers.
"""
import numpy as np

from arrays_cases import case, write

INF, NAN = np.inf, np.nan


def numbers(*shape):
    n = int(np.prod(shape, dtype=int))
    return (np.arange(n) * 7 % 11 - 4.0 + np.arange(n) / 8).reshape(shape)


def ints(x):
    return np.array(x, dtype=np.int32)


def bools(x):
    return np.array(x, dtype=bool)


def part(p):
    """Our part of an index as NumPy's."""
    if p == "...":
        return Ellipsis
    if isinstance(p, str):
        return slice(*[int(t) if t.strip() else None for t in p.split(":")])
    if isinstance(p, list):
        return np.array(p, dtype=bool if p and isinstance(np.ravel(p)[0], (bool, np.bool_)) else int)
    return p


INDICES = [
    [], [0], [-1], [1, 2, 3], [0, -1, -2], ["1:"], [":-1"], ["::-1"], ["::2", "1::-1"], [":", ":", "3:0:-2"], ["5:1"], ["-9:9"], ["9:"], ["0:0"],
    ["...", 0], [0, "..."], [0, "...", -1], ["..."], [None], [None, 1, None, "1:"], ["...", None], [1, "1:3", None, "::3"],
    [[1, 0, 1]], [":", [2, 0]], [":", [2, 0], [1, -1]], [[0, 1], ":", [1, 2]], [0, ":", [1, 2]], [":", 1, [0, 0, 3]], [[0, 1], 1], [[[0], [1]], [0, 2]],
    [[0], "::-2", [[1, 2], [3, 0]]], ["1:", [0, 2, 2], "::2"], ["...", [3, 3]], [[1], "..."], [[0, 1], None, [1, 2]], [None, [0, 1], [1, 2]], [0, "...", [1, 2]],
    [0, [1, 2], "..."], [[], 0], [":", []], [[0, 1, 1], [2, 2, 0], [3, 0, 1]], ["1:", None, [1, 1], 2], [[1, 0], "1:", 2], [2 - 3, ":", [0]],
    [[True, False]], [":", [True, False, True]], [[[True, False, True], [False, True, False]]], [":", [True, False, True], [0, -1]],
    ["...", [True, True, False, True]], [[True, False], ":", [2]], [[False, False]], [0, [True, False, True], "::2"],
]


def indexing():
    x = numbers(2, 3, 4)
    for parts in INDICES:
        key = tuple(part(p) for p in parts)
        masks = any(isinstance(p, list) and np.array(p).dtype == bool for p in parts)
        yield case("index", [x, *parts], lambda m, x: x[key], not masks)
        shape = np.shape(x[key])
        v = np.asarray(numbers(*shape) * 10)

        def update(m, x, v):
            if m is np:
                y = x.copy()
                y[key] = v
                return y
            return x.at[key].set(v)

        def add(m, x, v):
            if m is np:
                y = x.copy()
                np.add.at(y, key, v)
                return y
            return x.at[key].add(v)

        flat = np.arange(x.size).reshape(x.shape)[key].ravel()
        yield case("indexUpdate", [x, parts, v], update, len(set(flat)) == len(flat) and not masks)
        yield case("indexAdd", [x, parts, v], add, not masks)
    big = numbers(3, 4, 2, 3)
    for parts in ([":", [0, 1], [1, 0]], ["::2", [3, 0], ":", [1, 1]], [[0, 1], ":", [0, 1], 2], [":", ":", 1, [0, 2]], [0, [0, 1], ":", [1, 0]], ["...", 1, [0, 2]]):
        key = tuple(part(p) for p in parts)
        yield case("index", [big, *parts], lambda m, x: x[key])
    # tensors as lists; int32, bool, complex; 0-d lists; values that broadcast
    yield case("index", [x, ints([[1, 0]]), ints([2, -1])], lambda m, x, i, j: x[i, j])
    yield case("index", [x, ints(1), ":", ints([0, 2])], lambda m, x, i, j: x[i, :, j])
    yield case("index", [x, ints(-1)], lambda m, x, i: x[i])
    yield case("index", [ints([[1, 2], [3, 4]]), ":", [1, 0]], lambda m, x: x[:, np.array([1, 0])])
    yield case("index", [bools([True, False, True]), "::-1"], lambda m, x: x[::-1])
    yield case("index", [numbers(3) + 1j * numbers(3), [2, 0]], lambda m, x: x[np.array([2, 0])], False)
    for parts, v in (([0], np.array([1.0, 2, 3, 4])), ([":", [0, 0]], np.array(7.0)), (["...", "::2"], np.array([[1.0], [2], [3]])), ([[0, 0, 0], 1], np.array([1.0, 2, 3])[:, None])):
        key = tuple(part(p) for p in parts)
        y, z = x.copy(), x.copy()
        y[key] = v
        np.add.at(z, key, v)
        yield case("indexUpdate", [x, parts, v], None, False, y)
        yield case("indexAdd", [x, parts, v], lambda m, x, v: z if m is np else x.at[key].add(v))
    i = ints([[5, 6], [7, 8]])
    y = i.copy()
    np.add.at(y, [0, 0, 1], 2**31 - 1)
    yield case("indexAdd", [i, [[0, 0, 1]], ints(2**31 - 1)], None, False, y)


def taking():
    x = numbers(2, 3, 4)
    for axis in (0, 1, 2, -1, -2):
        for i in ([0, 1, 1, -1], 1, [], [[0, 1], [-2, 0]]):
            yield case("take", [x, np.array(i, dtype=np.int32), {"axis": axis}], lambda m, x, i: m.take(x, i, axis=axis))
    yield case("take", [x, ints([0, 23, -1, -24])], lambda m, x, i: m.take(x, i))
    yield case("take", [x, 5], lambda m, x: m.take(x, 5))
    yield case("take", [bools([[True, False]]), [1, 0, 0], {"axis": 1}], lambda m, x: m.take(x, np.array([1, 0, 0]), axis=1))
    yield case("take", [np.zeros((0, 3)), [2, 0], {"axis": 1}], lambda m, x: m.take(x, np.array([2, 0]), axis=1))


def arranging():
    x, v = numbers(2, 3, 4), numbers(5)
    for axis in (None, 0, -1, (0, 2)):
        options = [] if axis is None else [{"axis": list(axis) if isinstance(axis, tuple) else axis}]
        yield case("flip", [x, *options], lambda m, x: m.flip(x, axis))
        for shift in (1, -2, 7) if not isinstance(axis, tuple) else ((1, -3), 1):
            yield case("roll", [x, list(shift) if isinstance(shift, tuple) else shift, *options], lambda m, x: m.roll(x, shift, axis))
    yield case("roll", [v, [3, 4]], lambda m, x: m.roll(x, 7))
    yield case("roll", [numbers(0), 3], lambda m, x: m.roll(x, 3))
    for times in (2, 0, [2, 3], [2, 1, 1, 2]):
        yield case("tile", [x, times], lambda m, x: m.tile(x, times))
    yield case("tile", [np.array(3.5), [2, 2]], lambda m, x: m.tile(x, (2, 2)))
    for times, axis in ((2, None), (3, 1), (0, 0), ([1, 0, 2], 1), ([0, 0, 0], 1), ([3, 1], 0)):
        count = times if isinstance(times, int) else np.array(times)
        yield case("repeat", [x, times, *([] if axis is None else [{"axis": axis}])], lambda m, x: m.repeat(x, count, axis))
    for shape in ((1, 2, 1), (1,), (2, 3)):
        yield case("squeeze", [numbers(*shape)], lambda m, x: m.squeeze(x))
    yield case("squeeze", [numbers(1, 2, 1), {"axis": -1}], lambda m, x: m.squeeze(x, -1))
    for source, to in ((0, -1), (2, 0), ([0, 1], [-1, 0]), ([2, 0], [0, 2]), (1, 1)):
        yield case("moveAxis", [x, source, to], lambda m, x: m.moveaxis(x, source, to))
    for parts, axis in ((2, 0), (4, 2), ([1, 3], 2), ([0, 2, 2, 9], -1), ([-1], 1), ([], 1), ([3, 1], 2)):
        yield case("split", [x, parts, {"axis": axis}], lambda m, x: m.split(x, parts, axis))
    yield case("split", [numbers(6), 3], lambda m, x: m.split(x, 3))
    for axis in (0, 1, -1):
        yield case("unstack", [x, {"axis": axis}], None, False, [np.take(x, i, axis) for i in range(x.shape[axis])])
    for widths in (1, [1, 2], [[1, 0], [0, 2], [3, 3]], [[0, 0], [7, 8], [0, 1]]):
        of_numpy = [w if isinstance(w, (list, int)) else w for w in widths] if isinstance(widths, list) else widths
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
            yield case("pad", [x, widths, *([] if mode == "constant" else [{"mode": mode}])], lambda m, x: m.pad(x, of_numpy, mode=mode), mode != "symmetric" or widths == 1)
    yield case("pad", [v, [2, 1], {"value": -1.5}], lambda m, x: m.pad(x, (2, 1), constant_values=-1.5))
    yield case("pad", [bools([True, False]), 1, {"value": 1}], lambda m, x: m.pad(x, 1, constant_values=True))
    yield case("pad", [numbers(1), 3, {"mode": "reflect"}], lambda m, x: m.pad(x, 3, mode="reflect"))
    yield case("pad", [numbers(0, 2), [[1, 1], [0, 0]]], lambda m, x: m.pad(x, [[1, 1], [0, 0]]))
    a, b, c, d = numbers(2, 2), numbers(2, 1), numbers(1, 2), numbers(1, 1)
    yield case("block", [[[a, b], [c, d]]], None, False, np.block([[a, b], [c, d]]))
    yield case("block", [[v, v]], None, False, np.block([v, v]))
    yield case("block", [[[v], [v]]], None, False, np.block([[v], [v]]))
    yield case("block", [[[1, 2], [3, 4]]], None, False, np.block([[1.0, 2], [3, 4]]))


def diagonals():
    x = numbers(2, 3, 4)
    for k in (0, 1, -2, 9):
        yield case("diagonal", [x, {"k": k}], lambda m, x: m.diagonal(x, k, -2, -1))
    yield case("diagonal", [x, {"axis1": 0, "axis2": 1}], lambda m, x: m.diagonal(x))
    yield case("diagonal", [x, {"axis1": 2, "axis2": 0, "k": 1}], lambda m, x: m.diagonal(x, 1, 2, 0))
    for k in (0, 1, -1, 9):
        rows = np.arange(max(0, min(3 - max(-k, 0), 4 - max(k, 0))))
        key = (Ellipsis, rows + max(-k, 0), rows + max(k, 0))
        d = np.asarray(numbers(2, len(rows)) * 10)

        def filled(m, x, d):
            if m is np:
                y = x.copy()
                y[key] = d
                return y
            return x.at[key].set(d)

        yield case("setDiag", [x, d, {"k": k}], filled)
    yield case("setDiag", [x, 5], None, False, filled_with(x, 5.0))
    for below, above in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (-1, -1), (1, 2), (9, 0)):
        yield case("bandPart", [x, below, above], lambda m, x: band(m, x, below, above))


def filled_with(x, value):
    y = x.copy()
    n = np.arange(min(x.shape[-2:]))
    y[..., n, n] = value
    return y


def band(m, x, below, above):
    y = x if above < 0 else m.tril(x, above)
    return y if below < 0 else m.triu(y, -below)


if __name__ == "__main__":
    write("indexing", [*indexing(), *taking(), *arranging(), *diagonals()])
