// One pool of threads for the process, leaked on purpose: workers may still sleep in it when the process exits.
#pragma once
#include <functional>
#include <string>

#include "view.h"

namespace backsolve::pool {

constexpr int kMaxThreads = 256;

/// Threads that may work on one call, the calling one included. Default: the processors that this process may use (processors.h).
int size();
/// What size() comes from: "hardware", "affinity", "quota", "BACKSOLVE_THREADS" or "setThreads".
const char* size_from();
/// `from` must live as long as the process.
void resize(int threads, const char* from);

/// While it lives, calls of parallel by this thread use `most` threads at most (0: any number).
class Limit {
 public:
  explicit Limit(int most);
  ~Limit();
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  int before_;
};

/// Calls body(chunk) for chunk = 0..chunks-1, each once, on the calling thread and on workers that are idle now, at most `threads`
/// (0: size()) in all; returns when all are done. Never waits for other callers' work. A body may call it again. What the first body that
/// throws threw is thrown here, and no chunk begins after it. Runs inside the caller when chunks == 1 or threads == 1. `after`, if any, is
/// called by each thread that took part, at its end.
void parallel(Index chunks, int threads, const std::function<void(Index chunk)>& body, const std::function<void()>& after = nullptr);

}  // namespace backsolve::pool
