"""Golden values of ldlFactor by SciPy: test/golden/ldl.json.

Usage: python tools/goldens/ldl.py     (needs numpy and scipy alone: tools/goldens/requirements.txt)

SciPy's lu is Pᵀ L of P A Pᵀ = L D Lᴴ. Both call LAPACK's sytrf and hetrf, so that the pivots agree, too: scipy's perm says how they permute.
Complex arrays are interleaved (re, im).
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.linalg as sl

FILE = pathlib.Path(__file__).resolve().parents[2] / "test/golden/ldl.json"
SIZES = [1, 2, 3, 4, 5, 8, 12, 20]


def listed(a):
    return (np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a).ravel().tolist()


def case(rng, n, is_complex, zeros):
    x = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if is_complex else 0)
    a = np.round((x + x.conj().T) / 2, 6)
    if zeros:  # a diagonal of zeros needs blocks of 2 x 2
        np.fill_diagonal(a, 0)
    lu, d, perm = sl.ldl(a, lower=True, hermitian=True)
    assert np.allclose(lu @ d @ lu.conj().T, a, atol=1e-12)
    dtype = "complex128" if is_complex else "float64"
    return {"dtype": dtype, "n": n, "a": listed(a), "lu": listed(lu), "d": listed(d), "perm": perm.tolist()}


rng = np.random.default_rng(20261127)
cases = [case(rng, n, z, zeros) for n in SIZES for z in (False, True) for zeros in (False, True) if n > 1 or not zeros]
head = {"source": "tools/goldens/ldl.py", "versions": {"numpy": np.__version__, "scipy": scipy.__version__}}
lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
FILE.write_text(f'{json.dumps(head)[:-1]}, "cases": [\n{lines}\n]}}\n')
blocks = sum(int(np.count_nonzero(np.diag(np.array(c["d"]).reshape(c["n"], c["n"], -1)[..., 0], -1))) for c in cases)
print(f"{len(cases)} cases, {blocks} blocks of 2 x 2")
