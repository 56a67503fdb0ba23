#include "worker.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <system_error>
#include <thread>

#include "call.h"
#include "shape.h"

namespace backsolve {

/// A few threads for the whole process that take jobs in turn; each job widens over the pool by itself. Leaked: they may sleep when the
/// process ends.
class Runners {
 public:
  static Runners& get() {
    static Runners* runners = new Runners;
    return *runners;
  }
  void submit(Job* job) {
    std::lock_guard lock(mutex_);
    if (exiting_) throw std::out_of_range("the process is exiting");
    queue_.push_back(job);
    // Threads woken for earlier jobs count as idle until they run: compare with all that waits.
    if (idle_ < queue_.size() && threads_ < kThreads) {
      try {
        std::thread([this] { loop(); }).detach();
        ++threads_;
      } catch (const std::system_error&) {
        if (threads_ == 0) {
          queue_.pop_back();
          throw;
        }
      }
    }
    wake_.notify_one();
  }

 private:
  static constexpr int kThreads = 4;
  Runners() {
    running_.reserve(kThreads);
    // process.exit() on the main thread runs no cleanup hooks, and exit() takes OpenBLAS's buffers down after the handlers registered here:
    // no job may compute by then.
    std::atexit([] { get().drain(); });
  }
  /// No job starts any more; returns when those that run have finished their chunk.
  void drain() {
    std::unique_lock lock(mutex_);
    exiting_ = true;
    queue_.clear();
    for (Job* job : running_) job->abort.store(true);
    left_.wait(lock, [this] { return running_.empty(); });
  }
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !queue_.empty(); });
      --idle_;
      Job* job = queue_.front();
      queue_.pop_front();
      running_.push_back(job);
      lock.unlock();
      Jobs::work(job);
      lock.lock();
      running_.erase(std::find(running_.begin(), running_.end(), job));
      left_.notify_all();
      lock.unlock();
      job->owner->finished(job);  // the job may be gone afterwards
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_, left_;
  std::vector<Job*> running_;  // jobs that compute
  bool exiting_ = false;
  std::deque<Job*> queue_;
  int threads_ = 0;
  std::size_t idle_ = 0;
};

Jobs::Jobs(Napi::Env env) {
  const Napi::String name = Napi::String::New(env, "backsolve");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_main, &to_main_) != napi_ok)
    throw Napi::Error::New(env);
  napi_unref_threadsafe_function(env, to_main_);  // only jobs in flight keep the process alive
  // Hooks run last in, first out: jobs end while the function above and the environment still work.
  napi_add_env_cleanup_hook(env, on_exit, this);
}

void Jobs::on_exit(void* self) {
  auto* jobs = static_cast<Jobs*>(self);
  {
    std::unique_lock lock(jobs->mutex_);
    jobs->closed_ = true;
    for (const auto& job : jobs->live_) job->abort.store(true);
    jobs->idle_.wait(lock, [&] { return jobs->in_flight_ == 0; });
  }
  jobs->live_.clear();  // drops references while there is an environment to drop them in
  napi_release_threadsafe_function(jobs->to_main_, napi_tsfn_abort);
}

void Jobs::work(Job* job) {
  try {
    if (job->abort.load())
      job->outcome.aborted = true;
    else if (auto* eager = std::get_if<Eager>(&job->work))
      job->outcome = execute(*eager);
    else
      job->outcome = execute(*std::get<ProgramRun>(job->work).program, std::get<ProgramRun>(job->work).run);
  } catch (const std::exception&) {  // bad_alloc, or a length that no vector can have
    job->out_of_memory = true;
  }
}

void Jobs::finished(Job* job) {
  std::lock_guard lock(mutex_);
  if (!closed_) napi_call_threadsafe_function(to_main_, job, napi_tsfn_nonblocking);
  if (--in_flight_ == 0) idle_.notify_all();
}

void Jobs::on_main(napi_env raw, napi_value, void* context, void* data) {
  if (raw == nullptr) return;  // the environment is ending: on_exit has dropped the job
  const Napi::Env env(raw);
  const Napi::HandleScope scope(env);
  auto* jobs = static_cast<Jobs*>(context);
  for (auto it = jobs->live_.begin(); it != jobs->live_.end(); ++it) {
    if (it->get() != data) continue;
    const std::shared_ptr<Job> job = *it;
    jobs->live_.erase(it);
    if (jobs->live_.empty()) napi_unref_threadsafe_function(env, jobs->to_main_);
    try {
      jobs->settle(env, *job);
    } catch (const std::exception&) {
      // A terminating environment refuses to make errors and arrays; nobody waits for the promise there. No exception may pass into Node.
      napi_value undefined;
      if (napi_get_undefined(raw, &undefined) == napi_ok) napi_reject_deferred(raw, job->deferred, undefined);
    }
    return;
  }
}

void Jobs::settle(Napi::Env env, Job& job) {
  Napi::Value failure = env.Undefined();
  const auto fail = [&](const char* text, const char* code) {
    const Napi::Error error = Napi::Error::New(env, text);
    if (code != nullptr) error.Value().Set("code", Napi::String::New(env, code));
    failure = error.Value();
  };
  if (job.out_of_memory) {
    fail("out of memory", "ERR_OUT_OF_MEMORY");
  } else if (job.outcome.aborted || job.abort.load()) {
    fail("aborted", "ERR_ABORTED");
  } else {
    // After a failure outputs hold anything, what the allocator left there included, unless failing items were filled with NaN.
    const auto* eager = std::get_if<Eager>(&job.work);
    const bool collect = eager != nullptr ? eager->collect : std::get<ProgramRun>(job.work).run.collect;
    const bool written = collect || job.outcome.failures.empty();
    for (const Borrowed& b : job.outputs) {
      const Napi::Value array = b.array.Value();
      const Buffer to = buffer_of(array, b.dtype);
      if (static_cast<std::size_t>(to.size) * size_of(b.dtype) < b.offset + b.bytes) {
        fail("backsolve internal: an output was resized or transferred while it was computed", nullptr);
        break;
      }
      if (written && b.bytes > 0) std::memcpy(static_cast<std::byte*>(to.data) + b.offset, b.own.get(), b.bytes);
    }
  }
  if (failure.IsUndefined())
    napi_resolve_deferred(env, job.deferred, failures_of(env, job.outcome));
  else
    napi_reject_deferred(env, job.deferred, failure);
}

void Jobs::own_buffers(Napi::Env env, Job& job, const std::vector<Napi::TypedArray>& arrays) {
  std::size_t next = 0;
  const auto input = [&](const void* data, std::size_t bytes) -> void* {
    auto& own = job.inputs.emplace_back(new std::byte[bytes]);
    if (bytes > 0) std::memcpy(own.get(), data, bytes);
    ++next;
    return own.get();
  };
  const auto output = [&](std::size_t offset, std::size_t bytes, DType t) -> void* {
    auto& b = job.outputs.emplace_back();
    b.own.reset(new std::byte[bytes]);
    b.offset = offset;
    b.bytes = bytes;
    b.dtype = t;
    b.array = Napi::Persistent(arrays[next++].As<Napi::Object>());
    return b.own.get();
  };
  if (auto* e = std::get_if<Eager>(&job.work)) {
    const int inputs = kernels()[static_cast<std::size_t>(e->kernel)].inputs;
    for (std::size_t i = 0; i < e->operands.size(); ++i) {
      Operand& o = e->operands[i];
      if (!o.present) continue;
      const Index count = count_of(o.dims.data(), static_cast<int>(o.dims.size()));
      const std::size_t offset = static_cast<std::size_t>(o.offset) * size_of(o.dtype);
      const std::size_t bytes = static_cast<std::size_t>(count) * size_of(o.dtype);
      const auto* from = static_cast<const std::byte*>(o.data);
      o.data = static_cast<int>(i) < inputs ? input(bytes > 0 ? from + offset : from, bytes) : output(offset, bytes, o.dtype);
      o.offset = 0;
      o.size = count;
    }
    return;
  }
  auto& [program, run] = std::get<ProgramRun>(job.work);
  for (std::size_t i = 0; i < run.in.size(); ++i) {
    const DType t = program->values[static_cast<std::size_t>(program->inputs[i])].dtype;
    const Buffer b = buffer_of(arrays[i], t);
    run.in[i] = input(b.data, static_cast<std::size_t>(b.size) * size_of(t));
  }
  const Index items = count_of(run.batch.data(), static_cast<int>(run.batch.size()));
  for (std::size_t i = 0; i < run.out.size(); ++i) {
    const Type& t = program->values[static_cast<std::size_t>(program->outputs[i])];
    const Index count = items * count_of(t.dims.data(), static_cast<int>(t.dims.size()));
    run.out[i] = output(0, static_cast<std::size_t>(count) * size_of(t.dtype), t.dtype);
  }
  (void)env;
}

Napi::Object Jobs::start(Napi::Env env, std::shared_ptr<Job> job, const std::vector<Napi::TypedArray>& arrays, bool exclusive) {
  job->owner = this;
  if (exclusive) {
    for (const auto& a : arrays) job->kept.push_back(Napi::Persistent(a.As<Napi::Object>()));
  } else {
    own_buffers(env, *job, arrays);
  }
  if (auto* e = std::get_if<Eager>(&job->work)) {
    e->abort = &job->abort;
  } else {
    Run& run = std::get<ProgramRun>(job->work).run;
    run.abort = &job->abort;
    run.done = &job->done;
  }
  napi_value promise;
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", Napi::Value(env, promise));
  const std::weak_ptr<Job> weak = job;
  handle.Set("cancel", Napi::Function::New(env, [weak](const Napi::CallbackInfo&) {
               if (const auto j = weak.lock()) j->abort.store(true);
             }));
  handle.Set("done", Napi::Function::New(env, [weak](const Napi::CallbackInfo& info) -> Napi::Value {
               const auto j = weak.lock();
               return Napi::Number::New(info.Env(), j ? static_cast<double>(j->done.load()) : 0.0);
             }));
  if (live_.empty()) napi_ref_threadsafe_function(env, to_main_);
  live_.insert(job);
  {
    std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  try {
    Runners::get().submit(job.get());
  } catch (...) {  // no thread: the caller gets the error, nobody sees the promise
    std::lock_guard lock(mutex_);
    --in_flight_;
    live_.erase(job);
    if (live_.empty()) napi_unref_threadsafe_function(env, to_main_);
    napi_resolve_deferred(env, job->deferred, env.Undefined());
    throw;
  }
  return handle;
}

}  // namespace backsolve
