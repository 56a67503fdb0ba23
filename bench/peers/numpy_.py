"""NumPy and SciPy, forward: batches, and single matrices large enough that the call itself does not decide."""
import numpy as np
import scipy
import scipy.linalg
from scipy.linalg import solve_triangular
from serve import Skip, serve

la = np.linalg
OPS = {
    "cholesky": la.cholesky,
    "solveTriangular": lambda a, b: solve_triangular(a, b, lower=True, check_finite=False),
    "solve": la.solve,
    "solve1": la.solve,
    "inv": la.inv,
    "det": la.det,
    "eigh": la.eigh,
    "eigvalsh": la.eigvalsh,
    "qr": la.qr,
    "svd": lambda a: [svd[i] for svd in [la.svd(a, full_matrices=False)] for i in (1, 0, 2)],
    "svdvals": lambda a: la.svd(a, compute_uv=False),
    "expm": scipy.linalg.expm,
    "matmul": np.matmul,
    "exp": np.exp,
    "add": np.add,
    "sum": lambda x: np.sum(x, -1),
}


def make(request, sets):
    f = OPS.get(request["op"])
    if f is None or request["way"] == "both" or (request["batch"] == "1" and request["n"] < 64):
        raise Skip("no gradients, no batched least squares, no small single calls")
    if request["op"] == "solveTriangular" and request["batch"] != "1":
        raise Skip("SciPy loops over batches in Python")

    def call(args):
        def run():
            out = f(*args)
            return list(out) if isinstance(out, (tuple, list)) else [out]

        return run

    return [call(inputs) for inputs, _ in sets]


serve("numpy", f"{np.__version__}, SciPy {scipy.__version__}", make)
