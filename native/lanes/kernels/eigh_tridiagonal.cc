// Spectra of W Hermitian tridiagonal matrices side by side. Equations: native/kernels/tridiagonal.cc, docs/derivations/eigh.md.
#include "../blocks/spectrum.h"
#include "../fill.h"

namespace backsolve::BS_ISA {
namespace {

/// A = P T Pᴴ, T real; of Z, T's vectors, only where they are wanted.
template <class L>
struct TridiagonalSpectrum {
  using R = typename L::Real;
  using E = typename L::Element;
  Index n;
  bool vectors;
  R *d, *e, *shifts, *squares, *rotations;
  std::int32_t* order;
  Strided<L> phases;
  Strided<RealLanes<R>> z;

  TridiagonalSpectrum(Arena& arena, Index of, bool with_vectors)
      : n(of),
        vectors(with_vectors),
        d(arena.take<R>(n * W<R>)),
        e(arena.take<R>(n * W<R>)),
        shifts(arena.take<R>(n * W<R>)),
        squares(arena.take<R>(n * W<R>)),
        rotations(arena.take<R>(vectors ? 4 * n * W<R> : 0)),
        order(arena.take<std::int32_t>(vectors ? n * W<R> : 0)),
        phases(take_strided<L>(arena, vectors ? n : 0, 1)),
        z(take_strided<RealLanes<R>>(arena, vectors ? n : 0, n | 1)) {
    z.cols = n;
  }

  /// d, |e| and the phases; zero in lanes with a NaN or infinity. Which are finite; and which of those are neither large nor small.
  BS_INLINE Mask<R> place(const R* diagonal, Strided<L> below, Mask<R>& moderate) const {
    Mask<R> most = Mask<R>{};
    for (Index i = 0; i < n; ++i) {
      grow<R>(most, load<R>(diagonal + i * W<R>));
      if (i + 1 < n) grow_parts<L>(most, below.get(i, 0));
    }
    const Vec<R> size = reinterpret_cast<Vec<R>>(most);
    const Mask<R> finite = is_finite<R>(size);
    moderate = (size == Vec<R>{}) | (Size<L>::moderate(Size<L>::exponent_in(size)) & (size >= Ieee<R>::min_normal));
    const E zero = L::from_re(Vec<R>{});
    E phase = L::from_re(splat<R>(1));
    for (Index i = 0; i < n; ++i) {
      store<R>(d + i * W<R>, finite ? load<R>(diagonal + i * W<R>) : Vec<R>{});
      const E x = i + 1 < n ? L::pick(finite, trusted<L>(below.get(i, 0)), zero) : zero;
      const Vec<R> length = magnitude<L>(x);
      store<R>(e + i * W<R>, length);
      if (vectors) phases.set(i, 0, phase);
      phase = L::mul(phase, sign_of<L>(x, length));
    }
    return finite;
  }

  /// w, ascending, and the vectors in z, as `order` says. Which lanes have come to an end.
  BS_INLINE Mask<R> run(R* w) const {
    const Vec<R> least = tridiagonal_norm<R>(n, d, e) * kEpsilon<R>;
    Mask<R> done = ~Mask<R>{};
    const bool first = !vectors || n >= kShiftsFirst;
    if (first) {
      R* const values = vectors ? shifts : w;
      __builtin_memcpy(squares, e, static_cast<std::size_t>(n) * BS_VECTOR_BYTES);
      __builtin_memcpy(values, d, static_cast<std::size_t>(n) * BS_VECTOR_BYTES);
      done &= RootFree<R>{n, values, squares, least * least}.run();
      sort<R>(n, values, nullptr);
    }
    if (vectors) {
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j) z.set(i, j, splat<R>(i == j ? 1 : 0));
      done &= Implicit<R>{n, d, e, first ? shifts : nullptr, least, z.data, n, z.row, 1, rotations}.run();
      sort<R>(n, d, order);
      __builtin_memcpy(w, d, static_cast<std::size_t>(n) * BS_VECTOR_BYTES);
    }
    for (Index i = 0; i < n; ++i) store<R>(w + i * W<R>, load<R>(w + i * W<R>) + Vec<R>{});  // a zero's sign would tell of others' sweeps
    return done;
  }
  /// P Z, columns in the order of their values.
  __attribute__((noinline)) void gather(Strided<L> v) const {
    for (Index i = 0; i < n; ++i) {
      const R* const from = z.at(i, 0);
      const E phase = phases.get(i, 0);
      for (Index j = 0; j < n; ++j) {
        Vec<R> x;
        for (int w = 0; w < W<R>; ++w) x[w] = from[order[j * W<R> + w] * W<R> + w];
        v.set(i, j, L::scale(phase, x + Vec<R>{}));
      }
    }
  }
};

template <class L>
void spectrum_of(const Call& call, void* v, const TridiagonalSpectrum<L>& s, std::int32_t* info) {
  using R = typename L::Real;
  if (s.n == 0) return report<R>(~Mask<R>{}, info);
  Mask<R> moderate;
  const Mask<R> finite = s.place(static_cast<const R*>(call.operand[0]), strided<L>(call.operand[1], s.n, 1), moderate);
  const Mask<R> done = s.run(static_cast<R*>(call.operand[2]));
  if (v != nullptr) s.gather(strided<L>(v, s.n, s.n));
  report<R>(finite, Mask<R>{}, moderate & done, info);
}

template <class L>
struct VectorsWork : TridiagonalSpectrum<L> {
  VectorsWork(Arena& arena, const Call& call) : TridiagonalSpectrum<L>(arena, call.dims[0], call.operand[3] != nullptr) {}
};
template <class L>
void eigh_tridiagonal(const Call& call, const VectorsWork<L>& work, std::int32_t* info) {
  spectrum_of<L>(call, call.operand[3], work, info);
}

template <class L>
struct ValuesWork : TridiagonalSpectrum<L> {
  ValuesWork(Arena& arena, const Call& call) : TridiagonalSpectrum<L>(arena, call.dims[0], false) {}
};
template <class L>
void eigvalsh_tridiagonal(const Call& call, const ValuesWork<L>& work, std::int32_t* info) {
  spectrum_of<L>(call, nullptr, work, info);
}

}  // namespace

BS_LANES_KERNEL(eigh_tridiagonal, VectorsWork)
BS_LANES_KERNEL(eigvalsh_tridiagonal, ValuesWork)

}  // namespace backsolve::BS_ISA
