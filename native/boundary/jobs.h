// JavaScript's side of jobs: handles, promises, and memory that passes between the two.
#pragma once
#include <napi.h>

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "calls.h"
#include "worker.h"

namespace backsolve {

/// Where threads of ours leave word that a job is done, for as long as the environment listens.
struct Mailbox {
  std::mutex mutex;
  napi_threadsafe_function to_main = nullptr;  // null: the environment is gone
};

/// A job that JavaScript asked for. What it adds to Job is its environment's alone.
struct Task : Job {
  std::shared_ptr<Mailbox> mailbox;
  napi_deferred deferred = nullptr;
  std::unique_ptr<std::shared_ptr<Task>> word = std::make_unique<std::shared_ptr<Task>>();  // what is left: made while there is memory
  bool wanted = true, settled = false;
  void ended(std::shared_ptr<Job> self) override;
};

/// The jobs of one environment; its instance data. When the environment ends they are left to themselves, aborted.
class Jobs {
 public:
  explicit Jobs(Napi::Env env);
  static Jobs& of(Napi::Env env) { return *env.GetInstanceData<Jobs>(); }

  /// Starts a job over inputs that the caller may change as soon as this returns; returns its handle, { promise }. `quiet`: inputs that
  /// nobody outside the engine can write to; where they lie in memory of ours they are held, all others are copied, now.
  Napi::Value start(Napi::Env env, std::shared_ptr<Task> task, const std::vector<bool>& quiet);
  void cancel(Napi::Env env, Napi::Value handle);
  /// Items finished so far.
  double done(Napi::Env env, Napi::Value handle);
  /// Typed arrays of the results, in order; undefined for those that the runtime does not take as they are.
  Napi::Value outputs(Napi::Env env, Napi::Value handle);
  /// Copies a part of such a result, from byte `from` on; returns where to go on, or the size when all is there.
  double copy(Napi::Env env, Napi::Value handle, std::size_t result, Napi::Value array, std::size_t from);
  /// An array like the given one whose memory is ours, so that jobs can hold it; the given one is detached. The given one itself where it
  /// is small, ours already, not all of its buffer, or where the runtime takes no memory of ours.
  Napi::Value own(Napi::Env env, Napi::Value array);
  /// Whether an array is all of the memory that own() or outputs() gave.
  static bool owned(Napi::Env env, Napi::Value array);
  /// The way back: puts such memory to that of an array of JavaScript's own, as users may have it; the first array is detached.
  void give(Napi::Env env, Napi::Value array, Napi::Value to);
  Calls calls;  // of the same environment
  /// What failed, [item, instruction, kind, index, ...], or undefined.
  Napi::Value failures(Napi::Env env, const Outcome& outcome);

 private:
  void settle(Napi::Env env, Task& task);
  void unwant(Napi::Env env, Task& task);
  napi_value external(Napi::Env env, const Memory& memory);
  static void on_main(napi_env env, napi_value, void* context, void* data);
  static void on_exit(void* self);

  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::unordered_map<Task*, std::shared_ptr<Task>> live_;  // not settled
  bool refused_ = false;                                   // the runtime takes no memory of ours
  int wanted_ = 0;                                         // live jobs that were not cancelled: they keep the process alive
  Napi::ObjectReference out_of_memory_;                    // made while there is memory to make it
};

}  // namespace backsolve
