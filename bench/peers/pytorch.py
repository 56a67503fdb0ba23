"""PyTorch: eager, batched, autograd.grad with the cotangents given."""
import torch
from serve import THREADS, Skip, serve

torch.set_num_threads(THREADS)
la = torch.linalg


def eigh_pair(a, b):
    """There is none: A V = B V diag(w) by the factor of B."""
    l = la.cholesky(b)
    c = la.solve_triangular(l, a, upper=False)
    w, y = la.eigh(la.solve_triangular(l.mT, c, upper=True, left=False))
    return [w, la.solve_triangular(l.mT, y, upper=True)]


def ldl_solve(a, b):
    return la.ldl_solve(*la.ldl_factor(a), b)


def eigvals(a):
    w = la.eigvals(a)
    return [w.real, w.imag]


def factor_again(l, x):
    return la.cholesky(l @ l.mT + x @ x.mT)


OPS = {
    "cholesky": lambda a: [la.cholesky(a)],
    "solveTriangular": lambda a, b: [la.solve_triangular(a, b, upper=False)],
    "solve": lambda a, b: [la.solve(a, b)],
    "solve1": lambda a, b: [la.solve(a, b)],
    "inv": lambda a: [la.inv(a)],
    "det": lambda a: [la.det(a)],
    "lstsq": lambda a, b: [la.lstsq(a, b, driver="gels").solution],
    "eigh": lambda a: list(la.eigh(a)),
    "eigvalsh": lambda a: [la.eigvalsh(a)],
    "qr": lambda a: list(la.qr(a)),
    "svd": lambda a: [svd[i] for svd in [la.svd(a, full_matrices=False)] for i in (1, 0, 2)],
    "svdvals": lambda a: [la.svdvals(a)],
    "expm": lambda a: [torch.matrix_exp(a)],
    "matmul": lambda a, b: [torch.matmul(a, b)],
    "exp": lambda x: [torch.exp(x)],
    "add": lambda x, y: [torch.add(x, y)],
    "sum": lambda x: [torch.sum(x, -1)],
    "eig": lambda a: list(la.eig(a)),
    "eigvals": eigvals,
    "eighPair": eigh_pair,
    "matrixPower": lambda a: [la.matrix_power(a, 7)],
    "sqrtmHermitian": lambda a: [la.matrix_sqrth(a)],
    "pinv": lambda a: [la.pinv(a)],
    "polar": lambda a: list(la.polar(a)),
    "householderProduct": lambda a, tau: [la.householder_product(a, tau)],
    "ldlSolve": lambda a, b: [ldl_solve(a, b)],
    "choleskyUpdate": lambda l, x: [factor_again(l, x)],
}


def make(request, sets):
    f = OPS.get(request["op"])
    if f is None:
        raise Skip("it has no such op, or it is a compiled program, compared with jit and vmap")

    def call(inputs, cotangents):
        if request["way"] == "forward":
            args = [torch.from_numpy(x) for x in inputs]
            return lambda: f(*args)
        args = [torch.from_numpy(x).requires_grad_() for x in inputs]
        g = [torch.from_numpy(x) for x in cotangents]

        def both():
            outs = f(*args)
            return [o.detach() for o in outs] + list(torch.autograd.grad(outs, args, g))

        return both

    return [call(*s) for s in sets]


serve("pytorch", torch.__version__, make)
