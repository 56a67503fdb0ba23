// Asynchronous runs: a job computes on a thread of its own and settles a promise on the environment that asked.
#pragma once
#include <napi.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <variant>

#include "program.h"

namespace backsolve {

struct ProgramRun {
  std::shared_ptr<const Program> program;
  Run run;
};

/// One output whose memory JavaScript could take away: computed into `own`, copied to the typed array when all is done.
struct Borrowed {
  std::unique_ptr<std::byte[]> own;
  std::size_t offset, bytes;  // of what the operand covers, in the typed array
  DType dtype;
  Napi::ObjectReference array;
};

struct Job {
  std::variant<Eager, ProgramRun> work;
  std::atomic<bool> abort{false};
  std::atomic<Index> done{0};
  Outcome outcome;
  bool out_of_memory = false;
  std::vector<std::unique_ptr<std::byte[]>> inputs;  // copies
  std::vector<Borrowed> outputs;
  std::vector<Napi::ObjectReference> kept;  // typed arrays worked on in place
  napi_deferred deferred = nullptr;
  class Jobs* owner = nullptr;
};

/// The jobs of one environment; its instance data. Ends them all when the environment ends.
class Jobs {
 public:
  explicit Jobs(Napi::Env env);
  ~Jobs() = default;

  /// Starts the job; returns { promise, cancel(), done() }. `arrays`: the typed arrays of its buffers, inputs then outputs.
  Napi::Object start(Napi::Env env, std::shared_ptr<Job> job, const std::vector<Napi::TypedArray>& arrays, bool exclusive);

 private:
  void own_buffers(Napi::Env env, Job& job, const std::vector<Napi::TypedArray>& arrays);
  void settle(Napi::Env env, Job& job);
  void finished(Job* job);
  static void on_main(napi_env env, napi_value, void* context, void* job);
  static void on_exit(void* self);
  static void work(Job* job);
  friend class Runners;

  napi_threadsafe_function to_main_ = nullptr;
  std::mutex mutex_;
  std::condition_variable idle_;
  int in_flight_ = 0;                    // queued or running, not yet handed to the main thread
  std::set<std::shared_ptr<Job>> live_;  // touched by the main thread only
  bool closed_ = false;
};

}  // namespace backsolve
