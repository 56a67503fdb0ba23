"""TensorFlow behind the names that the losses are written in, in double precision, as its users call it.

`derivatives` returns the ways to a derivative (reverse over reverse, forward over reverse), each as a function; the best one counts.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import tensorflow as tf


class Peer:
    name, version = "tensorflow", tf.__version__
    real, imag, conj, exp, sqrt, adjoint, matmul = (
        staticmethod(f) for f in (tf.math.real, tf.math.imag, tf.math.conj, tf.exp, tf.sqrt, tf.linalg.adjoint, tf.matmul)
    )
    sum = staticmethod(lambda a, axis=None: tf.reduce_sum(a, axis=axis))
    column = staticmethod(lambda a, k: a[..., k])
    array = staticmethod(tf.convert_to_tensor)
    det, cholesky, expm, sqrtm = (
        staticmethod(f) for f in (tf.linalg.det, tf.linalg.cholesky, tf.linalg.expm, tf.linalg.sqrtm)
    )
    inv = staticmethod(lambda a, adjoint=False: tf.linalg.inv(a, adjoint=adjoint))
    solve = staticmethod(lambda a, b, adjoint=False: tf.linalg.solve(a, b, adjoint=adjoint))
    triangular = staticmethod(lambda a, b, adjoint=False: tf.linalg.triangular_solve(a, b, adjoint=adjoint))
    # TensorFlow gives real results of complex matrices the complex type; its users take the real part.
    logdet = staticmethod(lambda a: tf.math.real(tf.linalg.logdet(a)))
    eigvalsh = staticmethod(lambda a: tf.math.real(tf.linalg.eigvalsh(a)))
    columns = staticmethod(lambda v, w: v * tf.cast(w, v.dtype)[..., None, :])

    def slogdet(self, a):
        sign, log = tf.linalg.slogdet(a)
        return sign, tf.math.real(log)

    def eigh(self, a):
        w, v = tf.linalg.eigh(a)
        return tf.math.real(w), v

    def nuclear(self, a):
        return tf.reduce_sum(tf.linalg.svd(a, compute_uv=False))

    def spectral(self, a):
        return tf.reduce_max(tf.linalg.svd(a, compute_uv=False))

    def polar(self, a):
        _, u, v = tf.linalg.svd(a)
        return tf.matmul(u, v, adjoint_b=True)

    def pinv_of_product(self, p, q):
        return tf.linalg.pinv(p @ q, rcond=1e-12)

    qr = staticmethod(tf.linalg.qr)

    def lstsq(self, a, b, l2=0.0, large=False, fast=True):
        if large:  # what tf.linalg.lstsq calls for many matrices of more than 256 kB together; for less it composes other ops
            return tf.raw_ops.MatrixSolveLs(matrix=a, rhs=b, l2_regularizer=tf.constant(0.0, tf.float64), fast=fast)
        return tf.linalg.lstsq(a, b, l2_regularizer=l2, fast=fast)

    def lstsq_of_product(self, p, q, b):
        return tf.linalg.lstsq(p @ q, b, fast=False)

    @staticmethod
    def _grad(f, a):
        with tf.GradientTape() as tape:
            tape.watch(a)
            y = f(a)
        g = tape.gradient(y, a)
        if g is None:
            raise LookupError("no gradient (None)")
        return g

    def derivatives(self, loss, a, order, v):
        def reverse():
            f = loss
            for _ in range(order - 1):
                f = lambda x, f=f: tf.reduce_sum(tf.math.real(tf.math.conj(v) * self._grad(f, x)))
            return self._grad(f, a).numpy()

        def forward():
            with tf.autodiff.ForwardAccumulator(a, v) as acc:
                g = self._grad(loss, a)
            return acc.jvp(g).numpy()

        return [reverse] + ([forward] if order == 2 else [])

    def gradient(self, loss, a):
        return self._grad(loss, a).numpy()
