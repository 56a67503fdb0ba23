"""PyTorch behind the names that the losses are written in, in double precision, as its users call it.

`derivatives` returns the ways to a derivative (reverse over reverse, forward over reverse), each as a function; the best one counts.
"""
import numpy as np
import torch
from missing import Missing


class Peer:
    name, version = "pytorch", torch.__version__.split("+")[0]
    conj, exp, sqrt, matmul = (staticmethod(f) for f in (torch.conj, torch.exp, torch.sqrt, torch.matmul))
    real = staticmethod(lambda a: torch.real(a) if a.is_complex() else a)
    imag = staticmethod(torch.imag)
    adjoint = staticmethod(lambda a: a.mH)
    sum = staticmethod(lambda a, axis=None: torch.sum(a) if axis is None else torch.sum(a, dim=axis))
    column = staticmethod(lambda a, k: a[..., k])
    array = staticmethod(lambda a: torch.from_numpy(np.array(a)))
    det, slogdet, cholesky, expm = (
        staticmethod(f) for f in (torch.linalg.det, torch.linalg.slogdet, torch.linalg.cholesky, torch.linalg.matrix_exp)
    )
    inv = staticmethod(lambda a, adjoint=False: torch.linalg.inv(a.mH if adjoint else a))
    solve = staticmethod(lambda a, b, adjoint=False: torch.linalg.solve(a.mH if adjoint else a, b))
    triangular = staticmethod(lambda a, b, adjoint=False: torch.linalg.solve_triangular(a.mH if adjoint else a, b, upper=adjoint))
    logdet, eigh, eigvalsh = staticmethod(torch.logdet), staticmethod(torch.linalg.eigh), staticmethod(torch.linalg.eigvalsh)
    columns = staticmethod(lambda v, w: v * w[..., None, :])

    def sqrtm(self, a):
        raise Missing("no such op")

    def nuclear(self, a):
        return torch.linalg.matrix_norm(a, "nuc")

    def spectral(self, a):
        return torch.linalg.matrix_norm(a, 2)

    def polar(self, a):
        u, _, vh = torch.linalg.svd(a)
        return u @ vh

    def pinv_of_product(self, p, q):
        return torch.linalg.pinv(p @ q, rtol=1e-12)

    qr = staticmethod(torch.linalg.qr)

    def lstsq(self, a, b, l2=None, large=False, fast=True):
        if l2 is not None:
            raise Missing("no such argument")
        return torch.linalg.lstsq(a, b).solution

    def lstsq_of_product(self, p, q, b):
        return torch.linalg.lstsq(p @ q, b, rcond=1e-12, driver="gelsd").solution

    def derivatives(self, loss, a, order, v):
        def reverse():
            x = a.clone().requires_grad_(True)
            g = torch.autograd.grad(loss(x), x, create_graph=True)[0]
            for _ in range(order - 1):
                g = torch.autograd.grad(torch.sum(self.real(torch.conj(v) * g)), x, create_graph=True)[0]
            return g.detach().resolve_conj().numpy()

        def forward():
            g = torch.func.grad(loss)
            return torch.func.jvp(g, (a,), (v,))[1].detach().resolve_conj().numpy()

        return [reverse] + ([forward] if order == 2 else [])

    def gradient(self, loss, a):
        return self.derivatives(loss, a, 1, None)[0]()
