// One pool of threads for the process, leaked on purpose: workers may still sleep in it when the process exits.
#pragma once
#include <functional>

#include "view.h"

namespace backsolve::pool {

/// Threads that may work on one call, the calling one included. Default: hardware threads, or BACKSOLVE_THREADS.
int size();
void resize(int threads);

/// Calls body(chunk, thread) for chunk = 0..chunks-1, each once, on the calling thread and on workers that are idle now, at most `threads`
/// (0: size()) in all; returns when all are done. Never waits for other callers' work. `thread` < threads distinguishes concurrent bodies.
/// body must not throw. Runs inside the caller when chunks == 1 or threads == 1.
void parallel(Index chunks, int threads, const std::function<void(Index chunk, int thread)>& body);

/// BLAS runs on one thread, under a shared lock. Big (one matrix, n >= 512): exclusive lock, all threads. With a serial OpenBLAS every
/// holder is exclusive.
class BlasLock {
 public:
  enum class Kind { shared, big };
  explicit BlasLock(Kind);
  ~BlasLock();
  BlasLock(const BlasLock&) = delete;
  BlasLock& operator=(const BlasLock&) = delete;

 private:
  Kind kind_;
};

}  // namespace backsolve::pool
