"""TensorFlow: tf.function of the batched op; outputs and gradients in one function."""
import tensorflow as tf
from serve import THREADS, Skip, serve

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)
la = tf.linalg


def least_squares(a, b):
    return tf.raw_ops.MatrixSolveLs(matrix=a, rhs=b, l2_regularizer=tf.constant(0.0, tf.float64), fast=True)


def eigvals(a):
    w = la.eigvals(a)
    return [tf.math.real(w), tf.math.imag(w)]


def tridiagonal_solve(dl, d, du, b):
    return la.tridiagonal_solve((du, d, dl), b, diagonals_format="sequence")


def logm(a):
    """It takes complex numbers alone."""
    return tf.math.real(la.logm(tf.cast(a, tf.complex128 if a.dtype == tf.float64 else tf.complex64)))


def s_u_vh(s, u, v):
    return s, u, la.adjoint(v)


OPS = {
    "cholesky": lambda a: [la.cholesky(a)],
    "solveTriangular": lambda a, b: [la.triangular_solve(a, b)],
    "solve": lambda a, b: [la.solve(a, b)],
    "solve1": lambda a, b: [la.solve(a, b)],
    "inv": lambda a: [la.inv(a)],
    "det": lambda a: [la.det(a)],
    "lstsq": lambda a, b: [least_squares(a, b)],
    "eigh": lambda a: list(la.eigh(a)),
    "eigvalsh": lambda a: [la.eigvalsh(a)],
    "qr": lambda a: list(la.qr(a)),
    "svd": lambda a: list(s_u_vh(*la.svd(a))),
    "svdvals": lambda a: [la.svd(a, compute_uv=False)],
    "expm": lambda a: [la.expm(a)],
    "matmul": lambda a, b: [la.matmul(a, b)],
    "exp": lambda x: [tf.exp(x)],
    "add": lambda x, y: [tf.add(x, y)],
    "sum": lambda x: [tf.reduce_sum(x, -1)],
    "eig": lambda a: list(la.eig(a)),
    "eigvals": eigvals,
    "sqrtm": lambda a: [la.sqrtm(a)],
    "logm": lambda a: [logm(a)],
    "pinv": lambda a: [la.pinv(a)],
    "tridiagonalSolve": lambda dl, d, du, b: [tridiagonal_solve(dl, d, du, b)],
    "tridiagonalMatmul": lambda dl, d, du, b: [la.tridiagonal_matmul((du, d, dl), b, diagonals_format="sequence")],
}


def make(request, sets):
    f = OPS.get(request["op"])
    if f is None:
        raise Skip("it has no such op, or it is a compiled program, compared with jit and vmap")
    forward = tf.function(lambda *args: f(*args))

    @tf.function
    def both(args, g):
        with tf.GradientTape() as tape:
            tape.watch(args)
            outs = f(*args)
        return outs, tape.gradient(outs, args, g)

    def call(inputs, cotangents):
        args = [tf.constant(x) for x in inputs]
        g = [tf.constant(x) for x in cotangents]
        if request["way"] == "forward":
            return lambda: forward(*args)

        def run():
            outs, grads = both(args, g)
            return [*outs, *grads]

        return run

    return [call(*s) for s in sets]


serve("tensorflow", tf.__version__, make)
