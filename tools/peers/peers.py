"""What TensorFlow, PyTorch and JAX answer in the hard cases of differentiable linear algebra, against the exact answer.

Usage:
    python -m venv .venv && .venv/bin/pip install -r tools/peers/requirements.txt
    .venv/bin/python tools/peers/peers.py            # all peers: prints a table, writes tools/peers/answers.json and test/golden/right.json
    .venv/bin/python tools/peers/peers.py det gap    # only cases whose name contains one of the words: prints, writes nothing

The cases are in cases.py (those with an exact number) and behaviours.py (those without); exact.py has the reference: the loss in 120 digits
and central differences, no gradient formula. backsolve's own column: node --import tsx tools/peers/ours.ts.
"""
import importlib
import json
import pathlib
import subprocess
import sys

import mpmath
import numpy as np
from behaviours import BEHAVIOURS, brief
from cases import CASES, draw
from exact import derivative
from samples import SAMPLES, stack
from text2017 import FORMULAS

root = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("tensorflow", "pytorch", "jax")


def encode(a):
    a = np.asarray(a)
    out = {"shape": list(a.shape), "re": [float(z) for z in np.real(a).ravel()]}
    return {**out, "im": [float(z) for z in np.imag(a).ravel()]} if np.iscomplexobj(a) else out


def error_of(got, want):
    """Largest difference relative to the largest element of the exact answer; where that is zero, the largest element."""
    if got.shape != want.shape:
        return float("inf")
    scale = np.max(np.abs(want), initial=0) or 1.0
    return float(np.max(np.abs(got - want), initial=0) / scale)


def form_of(g):
    """How the gradient of a Hermitian argument is given."""
    scale = np.max(np.abs(g)) or 1.0
    if np.max(np.abs(g - g.conj().T)) < 1e-12 * scale:
        return "Hermitian"
    return "lower triangle only" if np.max(np.abs(np.triu(g, 1))) == 0 else "not Hermitian"


def answer(peer, case, order, want):
    """The best of the peer's ways to the derivative."""
    try:
        p = {k: peer.array(a) for k, a in case.inputs.items()}
        v = None if case.v is None else peer.array(case.v)
        loss = lambda t: case.loss(peer, {**p, case.wrt: t})
        ways = peer.derivatives(loss, p[case.wrt], order, v)
    except Exception as error:
        return {"answer": brief(error)}
    found = []
    for way in ways:
        try:
            g = np.asarray(way())
        except Exception as error:
            found.append((2, 0.0, {"answer": brief(error)}))
            continue
        more = {}
        if case.hermitian:
            if order == 1:
                more["form"] = form_of(g) if np.all(np.isfinite(g)) else ""
            g = (g + g.conj().T) / 2
        if not np.all(np.isfinite(g)):
            found.append((1, 0.0, {"answer": "NaN" if np.any(np.isnan(g)) else "Inf"}))
            continue
        e = error_of(g, want)
        text = "zeros" if not np.any(g) and np.any(want) else f"{e:.0e}"
        found.append((0, e, {"answer": text, "error": float(f"{e:.1e}"), **more}))
    return min(found, key=lambda t: t[:2])[2]


def chosen(id, words):
    return not words or any(w in id for w in words)


def decode(o):
    re = np.reshape(o["re"], o["shape"])
    return re + 1j * np.reshape(o["im"], o["shape"]) if "im" in o else re


def ask(name, goldens, words):
    """The answers of one peer. Each runs in a process of its own: their libraries do not share one."""
    peer = importlib.import_module(f"peer_{name}").Peer()
    rows = {}
    for case in CASES:
        for o, want in goldens[case.id]["exact"].items() if case.id in goldens else ():
            rows[f"{case.id}/{o}"] = answer(peer, case, int(o), decode(want))
    for id, (_, _, question) in BEHAVIOURS.items():
        if chosen(id, words):
            rows[id] = {"answer": question(peer)}
    return {"version": peer.version, "rows": rows}


def exact_answers(words):
    goldens = {}
    for case in CASES:
        if chosen(case.id, words):
            goldens[case.id] = {
                "wrt": case.wrt,
                "inputs": {k: encode(a) for k, a in case.inputs.items()},
                **({} if case.v is None else {"v": encode(case.v)}),
                "exact": {str(o): encode(derivative(case.loss, case.inputs, case.wrt, o, case.v, case.hermitian)) for o in case.orders},
            }
    return goldens


def questions(goldens, words):
    """Name -> what is known of it without any peer, in the order of the tables."""
    rows = {}
    for case in CASES:
        for o, want in goldens[case.id]["exact"].items() if case.id in goldens else ():
            rows[f"{case.id}/{o}"] = {"section": case.section, "title": case.title, "order": int(o)}
            if o == "1" and case.id in FORMULAS:
                e = error_of(np.asarray(FORMULAS[case.id](case.inputs)), decode(want))
                rows[f"{case.id}/{o}"]["tensorflow2017"] = {"answer": f"{e:.0e}", "error": float(f"{e:.1e}")}
    return {**rows, **{id: {"section": section, "title": title} for id, (section, title, _) in BEHAVIOURS.items() if chosen(id, words)}}


def lines(rows):
    return "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in rows.items()) + "\n }"


def main(words):
    goldens = exact_answers(words)
    rows, versions = questions(goldens, words), {}
    for name in PEERS:
        command = [sys.executable, "-W", "ignore", __file__, "--peer", name, *words]
        done = subprocess.run(command, input=json.dumps(goldens), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name}: {done.stderr}")
        told = json.loads(done.stdout.splitlines()[-1])
        versions[name] = told["version"]
        for id, row in rows.items():
            if id in told["rows"]:
                row[name] = told["rows"][id]
    for id, row in rows.items():
        cells = (f"{n}: {' '.join(str(x) for k, x in row[n].items() if k != 'error')}" for n in ("tensorflow2017", *PEERS) if n in row)
        print(f"{id}: " + " | ".join(cells))
    if not words:
        (root / "tools/peers/answers.json").write_text(f'{{\n "versions": {json.dumps(versions)},\n "cases": {lines(rows)}\n}}\n')
        about = json.dumps({"source": "tools/peers/peers.py", "mpmath": mpmath.__version__, "digits": mpmath.mp.dps})
        singular = {id: {"a": encode(stack(*kind)), "v": encode(draw(8, (4, 4), kind[1]))} for id, kind in SAMPLES.items()}
        (root / "test/golden/right.json").write_text(f'{{\n "about": {about},\n "cases": {lines(goldens)},\n "singular": {lines(singular)}\n}}\n')


if sys.argv[1:2] == ["--peer"]:
    print(json.dumps(ask(sys.argv[2], json.load(sys.stdin), sys.argv[3:])))
else:
    main(sys.argv[1:])
