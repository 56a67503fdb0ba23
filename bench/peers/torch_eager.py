"""Small eager calls of PyTorch, on one thread: "cell repeats" per line read -> nanoseconds per call. Run by bench/eager.ts."""
import sys
import time

import torch

torch.set_num_threads(1)
a = torch.tensor([[4, 1, 0, 0], [1, 3, 0, 0], [0, 0, 2, 1], [0, 0, 1, 2]], dtype=torch.float64)
b = torch.tensor([[1], [2], [3], [4]], dtype=torch.float64)
x, y = torch.tensor(1.5, dtype=torch.float64), torch.tensor(2.5, dtype=torch.float64)


def gradient(f):
    def run():
        leaf = a.detach().requires_grad_()
        return torch.autograd.grad(f(leaf), leaf)[0]

    return run


cells = {
    "cholesky": lambda: torch.linalg.cholesky(a),
    "add of two scalars": lambda: torch.add(x, y),
    "add of a matrix and a number": lambda: torch.add(a, 2),
    "exp": lambda: torch.exp(a),
    "sum": lambda: torch.sum(a),
    "matmul": lambda: torch.matmul(a, a),
    "solve": lambda: torch.linalg.solve(a, b),
    "inv": lambda: torch.linalg.inv(a),
    "eigh": lambda: torch.linalg.eigh(a),
    "gradient of sum(cholesky)": gradient(lambda t: torch.sum(torch.linalg.cholesky(t))),
    "gradient of sum(log(diag(cholesky)))": gradient(lambda t: torch.sum(torch.log(torch.diag(torch.linalg.cholesky(t))))),
}
print("PyTorch", torch.__version__, flush=True)
for line in sys.stdin:
    name, repeats = line.strip().rsplit(" ", 1)
    f = cells[name]
    start = time.perf_counter()
    for _ in range(int(repeats)):
        f()
    print(1e9 * (time.perf_counter() - start) / int(repeats), flush=True)
