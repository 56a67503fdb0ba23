"""Golden values of the matrix functions by other systems: test/golden/linalg/<op>.json.

Usage: python tools/goldens/linalg.py [op ...]     (versions: tools/goldens/requirements.txt; all ops take some minutes)

Forward values are NumPy's and SciPy's; gradients and Hessian-vector products are JAX's, with which PyTorch and TensorFlow must agree to
1e-10, or no file is written. Every case names the systems that agreed. The loss is L = Re Σ conj(cotangent) · output; gradients are
dL/dRe z + i dL/dIm z, for Hermitian inputs the Hermitian ones; hvp is the derivative of the gradients along the directions of all inputs.
Complex arrays are interleaved (re, im). All values come from double precision; for single precision, from inputs rounded to it.
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import json

import jax
import numpy as np
import scipy
import tensorflow
import torch

import linalg_lstsq  # noqa: F401  adds its op
from linalg_cases import CASES
from linalg_ops import NP, OPS
from linalg_peers import by_jax, by_tensorflow, by_torch, prepared
from linalg_sample import DTYPES, Sampler, is_complex, is_single, real_of

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test/golden/linalg"
AGREE = 1e-10
ZERO = 1e-12  # all inputs and results are of order 1: an array below this is zero but for rounding


def same(where, x, y):
    """y agrees with the reference x."""
    assert set(x) <= set(y), f"{where}: {sorted(x)} and {sorted(y)}"
    for k, a in x.items():
        b = np.asarray(y[k])
        assert a.shape == b.shape, f"{where} {k}: shapes {a.shape} and {b.shape}"
        error = np.max(np.abs(a - b)) / max(np.max(np.abs(a)), ZERO / AGREE)
        assert error < AGREE, f"{where} {k}: relative difference {error:.1e}"


def listed(array, dtype):
    a = np.asarray(array)
    if np.max(np.abs(a)) < ZERO:
        a = np.zeros_like(a)
    flat = np.stack([a.real, a.imag], -1).ravel() if is_complex(dtype) else np.real(a).ravel()
    numbers = [float(f"{x:.9g}") if is_single(dtype) else float(x) for x in flat]
    return [int(x) if x == int(x) else x for x in numbers]


def stored(array, dtype):
    return {"dtype": dtype, "shape": list(np.shape(array)), "data": listed(array, dtype)}


def tangents(op, case, name):
    # where the regularizer is positive all matrices are regular
    if case.domains.get(name) == "deficient" and "l2" not in case.shapes:
        return "deficient"
    return "hermitian" if name in op.hermitian else "any"


def draw(case, dtype, attempt):
    op, sampler = OPS[case.op], Sampler(f"{case.name} {dtype}" + (f" {attempt}" if attempt else ""))
    types = {k: real_of(dtype) if k in case.real + op.real else dtype for k in case.shapes}
    x = {k: sampler.draw(case.domains.get(k, "any"), s, types[k]) for k, s in case.shapes.items()}
    v = {k: sampler.tangent(tangents(op, case, k), s, types[k]) for k, s in case.shapes.items()}
    y = {k: np.asarray(a) for k, a in op.numpy(prepared(op, x, NP.h), case.attrs).items()}
    # a permutation matrix has the dtype of its factors
    kinds = {k: dtype if np.iscomplexobj(a) or k in op.constant else real_of(dtype) for k, a in y.items()}
    cotangents = {k: sampler.draw("any", a.shape, kinds[k]) for k, a in y.items() if k not in op.constant}
    return types, x, v, y, kinds, cotangents


def cancels(part):
    """Whether an array, mostly of a single element, is a small difference of larger terms: nobody has it to a relative accuracy."""
    return any(ZERO < np.max(np.abs(a)) < 0.1 for a in part.values())


def compute(case, dtype, attempt=0):
    op, t = OPS[case.op], case.attrs
    types, x, v, y, kinds, cotangents = draw(case, dtype, attempt)
    systems = {"jax": by_jax, "torch": by_torch}
    if op.tensorflow and op.trust_tensorflow(t | {"shapes": case.shapes}, is_complex(dtype)):
        systems["tensorflow"] = by_tensorflow
    found = {k: f(op, t, x, cotangents, v) for k, f in systems.items()}
    _, gradient, hvp = found["jax"]
    if cancels(y) or cancels(gradient) or cancels(hvp):
        return compute(case, dtype, attempt + 1)
    peers = []
    for peer, (forward, g, hv) in found.items():
        where = f"{case.name} {dtype} {peer}"
        same(f"{where}: output", y, forward)
        same(f"{where}: gradient", {k: a for k, a in gradient.items() if k in g}, g)
        same(f"{where}: hvp", hvp if hv else {}, hv)
        peers.append(peer if hv else f"{peer}: gradients of {', '.join(g)}")
    return {
        "dtype": dtype,
        "attrs": {k: a for k, a in t.items() if k != "vector"},
        "peers": peers,
        "inputs": {k: stored(a, types[k]) for k, a in x.items()},
        "outputs": {k: stored(a, kinds[k]) for k, a in y.items()},
        "cotangents": {k: stored(a, kinds[k]) for k, a in cotangents.items()},
        "gradients": {k: stored(a, types[k]) for k, a in gradient.items()},
        "directions": {k: stored(a, types[k]) for k, a in v.items()},
        "hvp": {k: stored(a, types[k]) for k, a in hvp.items()},
    }


def write(name):
    cases = [compute(c, d) for d in DTYPES for c in CASES[name]() if is_complex(d) or not c.real]
    modules = {"numpy": np, "scipy": scipy, "jax": jax, "torch": torch, "tensorflow": tensorflow}
    versions = {k: m.__version__.split("+")[0] for k, m in modules.items()}
    head = json.dumps({"source": "tools/goldens/linalg.py", "versions": versions, "op": name})
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(f'{head[:-1]}, "cases": [\n{lines}\n]}}\n')
    counts = {p: sum(any(q.startswith(p) for q in c["peers"]) for c in cases) for p in ("jax", "torch", "tensorflow")}
    print(f"{name}: {len(cases)} cases", counts, flush=True)


for op in sys.argv[1:] or CASES:
    write(op)
