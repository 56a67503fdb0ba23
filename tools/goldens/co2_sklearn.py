"""Log marginal likelihood and gradient of the CO2 model by scikit-learn: test/golden/co2.json.

Usage: python tools/goldens/co2_sklearn.py [--restarts N] > test/golden/co2.json     (versions: tools/goldens/requirements.txt)

scikit-learn's parameters are log c^2 where ours are log c: its gradient with respect to log c^2 is half of ours.
"""
import csv
import json
import pathlib
import sys

import numpy as np
import sklearn
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, ExpSineSquared, RationalQuadratic, WhiteKernel

root = pathlib.Path(__file__).resolve().parents[2]
rows = list(csv.DictReader(open(root / "examples/data/co2-concentration.csv")))
t = np.array([int(r["Date"][:4]) + (int(r["Date"][5:7]) - 1) / 12 for r in rows])
y = np.array([float(r["CO2"]) for r in rows])
y = y - y.mean()

B = (1e-5, 1e5)
kernel = (
    ConstantKernel(50.0**2, (1e-6, 1e8)) * RBF(50.0, B)
    + ConstantKernel(2.0**2, (1e-6, 1e8)) * RBF(100.0, B) * ExpSineSquared(1.0, 1.0, B, "fixed")
    + ConstantKernel(0.5**2, (1e-6, 1e8)) * RationalQuadratic(length_scale=1.0, alpha=1.0, length_scale_bounds=B, alpha_bounds=B)
    + ConstantKernel(0.1**2, (1e-6, 1e8)) * RBF(0.1, B)
    + WhiteKernel(0.01, B)
)
# theta in scikit-learn's order; ours from it: name, factor of the gradient
ORDER = [("c1", 2), ("l1", 1), ("c2", 2), ("l2", 1), ("l3", 1), ("c3", 2), ("alpha", 1), ("l4", 1), ("c4", 2), ("l5", 1), ("sigma2", 1)]


def ours(theta, gradient):
    values = {n: float(np.exp(v / f)) for (n, f), v in zip(ORDER, theta)}
    return {"parameters": values, "gradient": {n: float(f * g) for (n, f), g in zip(ORDER, gradient)}}


gp = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(t[:, None], y)
names = [h.name for h in kernel.hyperparameters if not h.fixed]
value, gradient = gp.log_marginal_likelihood(kernel.theta, eval_gradient=True)
start = {"value": float(value), **ours(kernel.theta, gradient)}

restarts = int(sys.argv[sys.argv.index("--restarts") + 1]) if "--restarts" in sys.argv else 10
# scikit-learn's optimiser (L-BFGS-B of SciPy on its likelihood and gradient, its bounds) from the start and from normal draws about it:
# its own restarts are uniform in the bounds, ten decades wide, and end nowhere.
best = {"value": -np.inf}
rng = np.random.default_rng(0)


def f(theta):
    try:
        v, g = gp.log_marginal_likelihood(theta, eval_gradient=True)
    except np.linalg.LinAlgError:
        return np.inf, np.zeros_like(theta)
    return -v, -g


for k in range(restarts):
    theta0 = kernel.theta if k == 0 else kernel.theta + rng.normal(size=len(kernel.theta))
    r = minimize(f, theta0, jac=True, method="L-BFGS-B", bounds=kernel.bounds)
    print(k, -r.fun, r.nit, file=sys.stderr, flush=True)
    if -r.fun > best["value"]:
        best = {"value": float(-r.fun), **ours(r.x, -r.jac)}

json.dump(
    {
        "source": "tools/goldens/co2_sklearn.py",
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "hyperparameters": names,
        "start": start,
        "restarts": restarts,
        "best": best,
    },
    sys.stdout,
    indent=1,
)
