"""The formulas of TensorFlow's linalg_grad.py as it was in 2017, for the cases where they are wrong."""
import numpy as np

H = lambda a: np.conj(np.swapaxes(a, -1, -2))


def inverse(p):
    """_MatrixInverseGrad, which does not look at `adjoint`."""
    y = np.linalg.inv(H(p["a"]))
    return -H(y) @ p["c"] @ H(y)


def determinant(p):
    """_MatrixDeterminantGrad: grad * det * inverse(adjoint(a)), det not conjugated."""
    return p["c"] * np.linalg.det(p["a"]) * np.linalg.inv(H(p["a"]))


def least_squares(p):
    """_overdetermined: zx_sym = xzt + transpose(xzt), not the adjoint."""
    a, b, g = p["a"], p["b"], p["c"]
    m = H(a) @ a
    x, z = np.linalg.solve(m, H(a) @ b), np.linalg.solve(m, g)
    xzt = x @ H(z)
    return -a @ (xzt + xzt.T) + b @ H(z)


FORMULAS = {
    "inv.adjoint.real": inverse,
    "inv.adjoint.complex": inverse,
    "det.regular.real": determinant,
    "det.regular.complex": determinant,
    "lstsq.over.real.a": least_squares,
    "lstsq.over.complex.a": least_squares,
}
