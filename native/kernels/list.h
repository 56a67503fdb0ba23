// What a file of kernels needs to end in its list: kernels.def names the file, table.cc puts the lists together.
#pragma once
#include <algorithm>

#include "../lanes/words.h"
#include "table.h"

namespace backsolve {

/// A kernel f(call, workspace), as the table has it.
template <class Work, std::int32_t (*f)(const Call&, const Work&)>
std::int32_t run_in(const Call& call, Arena&& arena) {
  arena.spoil();
  const Work work(arena, call);
  arena.settle();
  return f(call, work);
}
template <class Work>
std::size_t bytes_of(const Call& call) {
  Arena count;
  const Work work(count, call);
  static_cast<void>(work);
  return count.used();
}
template <class T>
struct NoWork {
  NoWork(Arena&, const Call&) {}
};

/// The templates f<T>(const Call&, const Work<T>&) and Work<T>(Arena&, const Call&).
#define BS_SINGLE(f, Work)                                                                                                            \
  (Single{{run_in<Work<float>, f<float>>, run_in<Work<double>, f<double>>, run_in<Work<std::complex<float>>, f<std::complex<float>>>, \
           run_in<Work<std::complex<double>>, f<std::complex<double>>>},                                                              \
          {bytes_of<Work<float>>, bytes_of<Work<double>>, bytes_of<Work<std::complex<float>>>, bytes_of<Work<std::complex<double>>>}})

/// Of real numbers alone, without a workspace.
#define BS_REAL(f) \
  (Single{{run_in<NoWork<float>, f<float>>, run_in<NoWork<double>, f<double>>}, {bytes_of<NoWork<float>>, bytes_of<NoWork<double>>}})

/// Of bool (bytes) and int32, too.
#define BS_SINGLE_ANY(f, Work)                                                                                                        \
  (Single{{run_in<Work<float>, f<float>>, run_in<Work<double>, f<double>>, run_in<Work<std::complex<float>>, f<std::complex<float>>>, \
           run_in<Work<std::complex<double>>, f<std::complex<double>>>, run_in<Work<std::uint8_t>, f<std::uint8_t>>,                  \
           run_in<Work<std::int32_t>, f<std::int32_t>>},                                                                              \
          {bytes_of<Work<float>>, bytes_of<Work<double>>, bytes_of<Work<std::complex<float>>>, bytes_of<Work<std::complex<double>>>,  \
           bytes_of<Work<std::uint8_t>>, bytes_of<Work<std::int32_t>>}})

#define BS_LIST(file, list) \
  std::span<const Kernel> kernels_of_##file() { return list; }

}  // namespace backsolve
