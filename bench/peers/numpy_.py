"""NumPy and SciPy, forward: batches, and single matrices large enough that the call itself does not decide."""
import numpy as np
import scipy
import scipy.linalg
from scipy.linalg import solve_triangular
from serve import Skip, serve

la = np.linalg
sl = scipy.linalg


def eigvals(a):
    w = la.eigvals(a)
    return w.real, w.imag


def qr_pivoted(a):
    return sl.qr(a, mode="economic", pivoting=True, check_finite=False)[:2]


def banded_triangular(ab, b):
    solve = sl.lapack.dtbtrs if ab.dtype == np.float64 else sl.lapack.stbtrs
    return solve(ab, b, uplo="U")[0]


# SciPy's functions of one matrix: batches go through them one after the other.
LOOPED = {
    "schur": lambda a: sl.schur(a, check_finite=False),
    "hessenberg": lambda a: sl.hessenberg(a, calc_q=True, check_finite=False),
    "eighPair": lambda a, b: sl.eigh(a, b, check_finite=False),
    "eighTridiagonal": lambda d, e: sl.eigh_tridiagonal(d, e, check_finite=False),
    "eigvalshTridiagonal": lambda d, e: sl.eigvalsh_tridiagonal(d, e, check_finite=False),
    "fractionalMatrixPower": lambda a: sl.fractional_matrix_power(a, 0.25),
    "signm": sl.signm,
    "polar": sl.polar,
    "sylvester": sl.solve_sylvester,
    "lyapunov": sl.solve_continuous_lyapunov,
    "discreteLyapunov": sl.solve_discrete_lyapunov,
    "care": sl.solve_continuous_are,
    "dare": sl.solve_discrete_are,
    "qrPivoted": qr_pivoted,
    "solveBanded": lambda ab, b: sl.solve_banded((2, 2), ab, b, check_finite=False),
    "choleskyBanded": lambda ab: sl.cholesky_banded(ab, check_finite=False),
    "bandedSolveTriangular": banded_triangular,
    "solveToeplitz": lambda c, r, b: sl.solve_toeplitz((c, r), b, check_finite=False),
}


def looped(f):
    def each(*args):
        outs = [f(*item) for item in zip(*args)]
        return [np.stack(o) for o in zip(*outs)] if isinstance(outs[0], tuple) else np.stack(outs)

    return each


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
    "expm": sl.expm,
    "matmul": np.matmul,
    "exp": np.exp,
    "add": np.add,
    "sum": lambda x: np.sum(x, -1),
    "eig": la.eig,
    "eigvals": eigvals,
    "matrixPower": lambda a: la.matrix_power(a, 7),
    "pinv": la.pinv,
    "sqrtm": sl.sqrtm,
    "logm": sl.logm,
    **LOOPED,
}


def make(request, sets):
    f = OPS.get(request["op"])
    if f is None or request["way"] == "both" or (request["batch"] == "1" and request["n"] < 64):
        raise Skip("no gradients, no batched least squares, no small single calls")
    if request["op"] == "solveTriangular" and request["batch"] != "1":
        raise Skip("SciPy loops over batches in Python")
    if request["op"] in LOOPED and request["batch"] != "1":
        if request["batch"] == "32M":
            raise Skip("a loop in Python over as many takes minutes")
        f = looped(f)

    def call(args):
        def run():
            out = f(*args)
            return list(out) if isinstance(out, (tuple, list)) else [out]

        return run

    return [call(inputs) for inputs, _ in sets]


serve("numpy", f"{np.__version__}, SciPy {scipy.__version__}", make)
