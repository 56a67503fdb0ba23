"""The protocol of bench/protocol.ts: one JSON text a line, one answer each."""
import json
import os
import resource
import sys
import time

import numpy as np

THREADS = int(os.environ.get("BACKSOLVE_BENCH_THREADS", "1"))


class Skip(Exception):
    """This side has no fair form of the cell."""


def load(stored, dtype):
    return np.fromfile(stored["path"], dtype=dtype).reshape(stored["shape"])


def serve(name, version, make):
    """make(request, inputs, cotangents) gives a function of no arguments that computes, waits, and returns outputs, then gradients."""

    calls = []

    def prepare(request):
        calls.clear()
        dtype = request["dtype"]
        sets = [([load(s, dtype) for s in o["inputs"]], [load(s, dtype) for s in o["cotangents"]]) for o in request["sets"]]
        made = make(request, sets)
        start = time.perf_counter()
        results = made[0]()
        first = time.perf_counter() - start
        calls.extend(made)
        return {"first": first, "sums": [float(np.abs(np.asarray(r)).sum(dtype=np.float64)) for r in results]}

    def timed(request):
        count, sets = request["calls"], len(calls)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        cpu, start = time.process_time(), time.perf_counter()
        for i in range(count):
            calls[i % sets]()
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        return {"wall": wall, "cpu": cpu, "faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults}

    print(json.dumps({"name": name, "version": version}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = prepare(request) if request["do"] == "prepare" else timed(request)
        except Skip as why:
            answer = {"skip": str(why)}
        except Exception as error:  # the driver tells it and goes on
            answer = {"error": f"{type(error).__name__}: {error}"[:400]}
        text = json.dumps(answer).replace("NaN", "null").replace("Infinity", "null")
        print(text, flush=True)
