"""What the generators of test/golden/arrays have in common: arguments as JSON, values of NumPy, gradients of JAX."""
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test/golden/arrays"


def listed(a):
    """Elements in a row, complex ones as re, im."""
    a = np.asarray(a)
    flat = np.ascontiguousarray(a).ravel()
    if np.iscomplexobj(flat):
        flat = flat.view(flat.real.dtype)
    if flat.dtype == bool or np.issubdtype(flat.dtype, np.integer):
        return [int(v) for v in flat]
    return [float(v) if np.isfinite(v) else str(float(v)) for v in flat]


def dtype_of(a):
    return "int32" if np.issubdtype(a.dtype, np.integer) else str(a.dtype)


def encoded(a):
    """An argument or a result: arrays as { d, s, v }, lists of arrays as lists, all else as it is."""
    if isinstance(a, (np.ndarray, np.generic, jax.Array)):
        a = np.asarray(a)
        return {"d": dtype_of(a), "s": list(a.shape), "v": listed(a)}
    if isinstance(a, (list, tuple)):
        return [encoded(x) for x in a]
    return a


def weights(shape):
    n = int(np.prod(shape, dtype=int))
    return ((np.arange(n) * 7 % 13 - 6) / 8).reshape(shape)


def case(name, args, f, grad=True, value=None, ulp=0):
    """f(module, *arrays) for NumPy and JAX. args: those of our function, arrays among them. ulp: units of the last place of the largest element."""
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    with np.errstate(all="ignore"):
        y = f(np, *arrays) if value is None else value
    entry = {"f": name, "x": encoded(args), "y": encoded(y if isinstance(y, (list, tuple)) else np.asarray(y))}
    if ulp:
        entry["ulp"] = ulp
    floats = [i for i, a in enumerate(arrays) if a.dtype == np.float64]
    if grad and floats and not isinstance(y, (list, tuple)) and np.asarray(y).dtype == np.float64:
        loss = lambda *xs: jnp.sum(f(jnp, *xs) * weights(np.shape(y)))
        entry["g"] = [encoded(g) for g in jax.grad(loss, argnums=tuple(floats))(*[jnp.asarray(a) for a in arrays])]
    return entry


def write(name, cases):
    about = f"tools/goldens/arrays_{name}.py, numpy {np.__version__}, jax {jax.__version__}"
    text = json.dumps({"about": about, "cases": cases}, separators=(",", ":"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text.replace('},{"f"', '},\n{"f"') + "\n")
