"""Golden values of the models that test/models fits to data: test/golden/models-fitted.json, with the data.

Usage: python tools/goldens/models_fitted.py     (versions: tools/goldens/requirements.txt; seconds)

pca: iris by scikit-learn. logistic: the same flowers, multinomial with an L2 penalty, by scikit-learn. portfolio: He and Litterman (1999), "The
intuition behind Black-Litterman model portfolios", tables 1 and 2, in NumPy; sensitivities by differences. var: US macroeconomic data by statsmodels.
cox: Stanford heart transplants by statsmodels. ode: lynx and hares by SciPy's least_squares over solve_ivp. laplace: regression with Student-t noise,
Laplace's approximation as Rasmussen and Williams (2006), section 3.4, and Vanhatalo, Jylanki and Vehtari (2009) write it, in NumPy; gradient by differences.
"""
import json
import pathlib

import numpy as np
import scipy
import sklearn
import statsmodels
import statsmodels.api as sm
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares
from scipy.special import gammaln
from scipy.stats import t as student
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test"
iris = load_iris()


def slope(f, x, i, h):
    """df/dx_i by central differences of the sixth order."""
    at = lambda k: f(np.where(np.arange(len(x)) == i, x + k * h, x))
    return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)


def pca():
    fit = PCA(n_components=3, whiten=True, svd_solver="full").fit(iris.data)
    return {
        "x": iris.data,
        "mean": fit.mean_,
        "components": fit.components_,
        "variance": fit.explained_variance_,
        "ratio": fit.explained_variance_ratio_,
        "whitened": fit.transform(iris.data[:5]),
    }


def logistic():
    x = (iris.data - iris.data.mean(0)) / iris.data.std(0)
    fit = LogisticRegression(C=1.0, tol=1e-12, max_iter=10000).fit(x, iris.target)
    return {
        "labels": iris.target,
        "weights": fit.coef_.T,  # up to a constant per row of inputs, which the penalty makes 0
        "bias": fit.intercept_ - fit.intercept_.mean(),
        "probabilities": fit.predict_proba(x)[[60, 70, 100]],
    }


def portfolio():
    correlations = np.eye(7)
    correlations[np.tril_indices(7, -1)] = [
        0.488,
        *[0.478, 0.664],
        *[0.515, 0.655, 0.861],
        *[0.439, 0.310, 0.355, 0.354],
        *[0.512, 0.608, 0.783, 0.777, 0.405],
        *[0.491, 0.779, 0.668, 0.653, 0.306, 0.652],
    ]
    correlations = np.tril(correlations) + np.tril(correlations, -1).T
    sd = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
    sigma = correlations * np.outer(sd, sd)
    market = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
    delta, tau = 2.5, 0.05
    p = np.array([[0, 0, -29.5, 100, 0, -70.5, 0], [0, 1, 0, 0, 0, 0, -1]]) / np.array([[100], [1]])
    q = np.array([0.05, 0.03])
    omega = np.diag(np.diag(p @ (tau * sigma) @ p.T))

    def posterior(q):  # their equations 8 to 10, by inverses
        inverse = np.linalg.inv(tau * sigma)
        m = np.linalg.inv(inverse + p.T @ np.linalg.inv(omega) @ p)
        return m @ (inverse @ (delta * sigma @ market) + p.T @ np.linalg.inv(omega) @ q), sigma + m

    def weights(q):  # fully invested: Lagrange's multiplier by hand
        mean, cov = posterior(q)
        inverse = np.linalg.inv(delta * cov)
        one = np.ones(7)
        return inverse @ (mean - one * (one @ inverse @ mean - 1) / (one @ inverse @ one))

    mean, cov = posterior(q)
    jacobian = np.stack([slope(weights, q, i, 1e-2) for i in range(2)], axis=1)
    inputs = {"correlations": correlations, "sd": sd, "market": market, "p": p, "q": q, "delta": delta, "tau": tau}
    return {**inputs, "mean": mean, "covariance": cov, "weights": weights(q), "byViews": jacobian}


def var():
    data = sm.datasets.macrodata.load_pandas().data[["realgdp", "realcons", "realinv"]].to_numpy()
    fit = sm.tsa.VAR(np.diff(np.log(data), axis=0)).fit(2)
    return {
        "levels": data,
        "params": fit.params,  # the constant, then a block of rows per lag
        "sigma": fit.sigma_u_mle,
        "loglik": fit.llf,
        "stderr": fit.stderr,
        "forecast": fit.forecast(fit.endog, 4),
        "responses": fit.irf(4).irfs,
    }


def cox():
    data = sm.datasets.heart.load_pandas().data
    t, status, age = (data[k].to_numpy() for k in ("survival", "censors", "age"))
    x = np.stack([age, age**2 / 50], axis=1) / 10
    fit = sm.PHReg(t, x, status=status, ties="breslow").fit(disp=0)
    again = sm.PHReg(t, x, status=status, ties="breslow")
    return {"t": t, "status": status, "x": x, "beta": fit.params, "bse": fit.bse, "loglik": fit.llf, "at": [0.3, -0.1],
            "loglikAt": again.loglike(np.array([0.3, -0.1])), "scoreAt": again.score(np.array([0.3, -0.1]))}


def ode():
    hares = [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
    lynxes = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
    data = np.array([hares, lynxes]).T

    def solve(p, dense=None):
        a, b, c, d, u, v = np.exp(p)
        f = lambda _, y: [y[0] * (a - b * y[1]), y[1] * (c * y[0] - d)]
        return solve_ivp(f, (0, 20), [u, v], "DOP853", np.arange(21), rtol=1e-12, atol=1e-12).y.T

    residuals = lambda p: (np.log(solve(p)) - np.log(data)).ravel()
    start = np.log([0.5, 0.02, 0.02, 0.8, 30, 4])
    fit = least_squares(residuals, start, "3-point", method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    names = ["a", "b", "c", "d", "hares", "lynxes"]
    return {"data": data, "start": dict(zip(names, start)), "best": dict(zip(names, fit.x)), "cost": fit.cost, "path": solve(fit.x)}


def laplace():
    rng = np.random.default_rng(9)
    x = np.round(np.sort(rng.uniform(-3, 3, 30)), 3)
    y = np.round(0.3 + 0.4 * x + 0.5 * np.sin(2.7 * x) + 1.1 / (1 + x**2) + 0.1 * rng.standard_normal(30), 3)  # Neal (1997)
    y[[4, 13, 22]] += [2, -1.5, 2.5]
    at = np.log([1.2, 0.9, 0.15, 3.0])  # amplitude, length, scale, degrees of freedom

    def mode(p):
        amplitude, length, scale, nu = np.exp(p)
        k = amplitude**2 * np.exp(-0.5 * ((x[:, None] - x) / length) ** 2)
        f = np.zeros_like(y)
        for i in range(3000):  # weights of the scale mixture, whose steps never go down
            w = (nu + 1) / (nu * scale**2 + (y - f) ** 2)
            f, before = k @ np.linalg.solve(k + np.diag(1 / w), y), f
            if i > 5 and np.abs(f - before).max() < 1e-15:
                break
        return k, f

    def evidence(p):
        k, f = mode(p)
        _, _, scale, nu = np.exp(p)
        r = y - f
        first = (nu + 1) * r / (nu * scale**2 + r**2)  # a = K^-1 f
        w = -(nu + 1) * (r**2 - nu * scale**2) / (nu * scale**2 + r**2) ** 2
        return student.logpdf(r, nu, scale=scale).sum() - 0.5 * f @ first - 0.5 * np.linalg.slogdet(np.eye(30) + k * w)[1]

    gradient = [slope(evidence, at, i, 2e-3) for i in range(4)]
    k, f = mode(at)
    return {"x": x, "y": y, "at": at, "mode": f, "loglik": evidence(at), "gradient": gradient}


def lists(tree):
    return {k: lists(v) for k, v in tree.items()} if isinstance(tree, dict) else np.asarray(tree).tolist()


versions = {m.__name__: m.__version__ for m in (np, scipy, sklearn, statsmodels)}
values = {f.__name__: lists(f()) for f in (pca, logistic, portfolio, var, cox, ode, laplace)}
(FOLDER / "golden/models-fitted.json").write_text(json.dumps({"about": "tools/goldens/models_fitted.py", "versions": versions, **values}) + "\n")
