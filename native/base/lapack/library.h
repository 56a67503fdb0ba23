// OpenBLAS, loaded by the addon itself: it starts its threads when it is loaded, before any call of ours, and one that the system refuses
// is waited for without end. So it is loaded with OPENBLAS_NUM_THREADS=1, and one large matrix is cut into tiles over our own pool.
#pragma once
#include <atomic>
#include <string>

namespace backsolve::la {

/// Finds and loads the library and all functions below, once for the process. Returns "" or, on one line, what was tried.
const std::string& load();

int num_threads();
int parallel();  // 0 sequential, 1 pthreads, 2 OpenMP
const char* config();
std::string path();  // the file that was loaded

/// A call into the library, from its beginning to its end. OpenBLAS takes one of its buffers for each, and asks for ever for one that it
/// cannot map: no more calls are let in at a time than there are buffers. Throws std::bad_alloc where there cannot be a single one.
/// A sequential OpenBLAS shares its buffers between threads without a lock: one call at a time.
class Turn {
 public:
  Turn() {
    if (!enter()) wait();
    if (state.per_thread) one_thread();
  }
  ~Turn() {
    state.inside.fetch_sub(1);
    if (state.waiting.load() > 0) wake();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  struct State {
    std::atomic<int> inside{0}, room{0}, waiting{0};
    std::atomic<bool> per_thread{false};  // an OpenBLAS of OpenMP, which asks how many threads this thread may have
  };
  friend const std::string& load();
  static State state;  // without a destructor: threads may still compute when the process ends
  static bool enter() {
    int n = state.inside.load();
    while (n < state.room.load()) {
      if (state.inside.compare_exchange_weak(n, n + 1)) return true;
    }
    return false;
  }
  static void wait();
  static void wake();
  static void one_thread();
};

/// A function of the library that load() looks up: 'd', "gemm" as dgemm_ or scipy_dgemm_. They exist once each and know of each other
/// before load() runs.
class Function {
 public:
  Function(char letter, const char* name) : name_(letter + std::string(name) + "_"), next_(first_) { first_ = this; }
  /// Looks up all of them. Returns the name of one that is not there, or "".
  static std::string find_all(void* library, const std::string& prefix);

 protected:
  void* at_ = nullptr;

 private:
  static inline Function* first_ = nullptr;
  const std::string name_;
  Function* const next_;
};

template <class Signature>
class Symbol;
template <class... Arguments>
class Symbol<void(Arguments...)> : public Function {
 public:
  using Function::Function;
  void operator()(Arguments... arguments) const {
    const Turn turn;
    reinterpret_cast<void (*)(Arguments...)>(at_)(arguments...);
  }
};

}  // namespace backsolve::la
