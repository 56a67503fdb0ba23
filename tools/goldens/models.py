"""Golden values of test/models: test/golden/models.json, and the Nile series they read.

Usage: python tools/goldens/models.py     (versions: tools/goldens/requirements.txt; seconds)

nile: the local level model (Durbin and Koopman 2012, section 2.2), first state N(0, 1e7), by statsmodels; the gradient by complex steps.
hmm: the log-likelihood of a hidden Markov model of three states and normal observations, its gradient by JAX; posteriors by the forward-backward
recursion in NumPy, without logarithms. ode: Robertson's problem by backward Euler in JAX, Newton's iteration unrolled, and by SciPy's BDF.
"""
import json
import pathlib

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from jax.scipy.special import logsumexp
from scipy.integrate import solve_ivp

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test"
versions = {m.__name__: m.__version__ for m in (jax, np, scipy, statsmodels)}


def lists(tree):
    return jax.tree_util.tree_map(lambda x: np.asarray(x).tolist(), tree)


def nile():
    series = sm.datasets.nile.load_pandas().data["volume"].to_numpy()
    model = sm.tsa.UnobservedComponents(series, "llevel")
    model.ssm.initialize_known(np.zeros(1), np.full((1, 1), 1e7))
    model.ssm.loglikelihood_burn = 0
    at = [12000.0, 2500.0]  # of the observations, of the level
    smoothed = model.smooth(at)
    best = model.fit([15099, 1469.1], method="powell", xtol=1e-10, ftol=1e-14, disp=False)
    return series, {
        "at": at,
        "loglik": model.loglike(at),
        "gradient": model.score(at, approx_complex_step=True),
        "filtered": smoothed.filtered_state[0],
        "smoothed": smoothed.smoothed_state[0],
        "variances": smoothed.smoothed_state_cov[0, 0],
        "best": best.params,
        "bestLoglik": best.llf,
    }


def log_softmax(x):
    return x - logsumexp(x, axis=-1, keepdims=True)


def log_densities(p, ys):
    return -0.5 * ((ys[:, None] - p["means"]) / jnp.exp(p["logStds"])) ** 2 - p["logStds"] - 0.5 * jnp.log(2 * jnp.pi)


def hmm_loglik(p, ys):
    transition = log_softmax(p["transition"])
    e = log_densities(p, ys)
    step = lambda a, e: (logsumexp(a[:, None] + transition, axis=0) + e, None)
    return logsumexp(jax.lax.scan(step, log_softmax(p["start"]) + e[0], e[1:])[0])


def posteriors(p, ys):
    start, a, e = np.exp(log_softmax(p["start"])), np.exp(log_softmax(p["transition"])), np.exp(log_densities(p, ys))
    forward, backward = [start * e[0]], [np.ones(3)]
    for v in e[1:]:
        forward.append(forward[-1] @ a * v)
    for v in e[:0:-1]:
        backward.append(a @ (v * backward[-1]))
    both = np.array(forward) * np.array(backward[::-1])
    return both / both.sum(1, keepdims=True)


def hmm():
    rng = np.random.default_rng(5)
    state, ys = 0, []
    for _ in range(60):
        state = rng.choice(3, p=[[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]][state])
        ys.append(round([-2, 0, 3][state] + [0.5, 1, 0.7][state] * rng.standard_normal(), 4))
    p = {
        "start": np.array([0.3, -0.2, 0.1]),
        "transition": np.array([[1.5, 0.1, -0.3], [0.2, 1.1, 0.0], [-0.4, 0.3, 0.9]]),
        "means": np.array([-1.5, 0.2, 2.5]),
        "logStds": np.array([-0.3, 0.1, -0.2]),
    }
    value, gradient = jax.value_and_grad(hmm_loglik)(p, jnp.asarray(ys))
    return {"ys": ys, "parameters": p, "loglik": value, "gradient": gradient, "posteriors": posteriors(p, np.array(ys))}


def robertson(rates, y):
    r1, r2, r3 = rates[0] * y[0], rates[1] * y[1] ** 2, rates[2] * y[1] * y[2]
    return jnp.stack([r3 - r1, r1 - r2 - r3, r2])


def ode():
    rates, y0 = jnp.array([0.04, 3e7, 1e4]), jnp.array([1.0, 0.0, 0.0])
    steps = jnp.asarray(np.diff(np.concatenate([[0], np.geomspace(1e-4, 40, 60)])))

    def final(rates, y0):
        def step(y, h):
            f = lambda x: x - y - h * robertson(rates, x)
            newton = lambda x, _: (x - jnp.linalg.solve(jax.jacfwd(f)(x), f(x)), None)
            y = jax.lax.scan(newton, y, None, length=20)[0]
            return y, y

        return jax.lax.scan(step, y0, steps)

    last = lambda *p: final(*p)[0]
    exact = solve_ivp(lambda _, y: robertson(rates, y), (0, 40), y0, method="BDF", rtol=1e-8, atol=1e-12).y[:, -1]
    jr, jy = jax.jacrev(last, (0, 1))(rates, y0)
    return {"rates": rates, "steps": steps, "path": final(rates, y0)[1], "byRates": jr, "byStart": jy, "exact": exact}


series, local_level = nile()
source = "Annual flow of the Nile at Aswan 1871 to 1970 in 1e8 cubic metres: statsmodels.datasets.nile, after Cobb (1978)"
(FOLDER / "models/nile.json").write_text(json.dumps({"source": source, "volume": series.astype(int).tolist()}) + "\n")
golden = {"about": "tools/goldens/models.py", "versions": versions, "nile": lists(local_level), "hmm": lists(hmm()), "ode": lists(ode())}
(FOLDER / "golden/models.json").write_text(json.dumps(golden) + "\n")
