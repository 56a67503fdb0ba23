#include "worker.h"

#include <cstring>
#include <deque>
#include <thread>

#include "call.h"

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
    queue_.push_back(job);
    if (idle_ == 0 && threads_ < kThreads) {
      ++threads_;
      std::thread([this] { loop(); }).detach();
    } else {
      wake_.notify_one();
    }
  }

 private:
  static constexpr int kThreads = 4;
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !queue_.empty(); });
      --idle_;
      Job* job = queue_.front();
      queue_.pop_front();
      lock.unlock();
      Jobs::work(job);
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> queue_;
  int threads_ = 0, idle_ = 0;
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
  } catch (const std::bad_alloc&) {
    job->out_of_memory = true;
  }
  job->owner->finished(job);
}

void Jobs::finished(Job* job) {
  std::lock_guard lock(mutex_);
  if (!closed_) napi_call_threadsafe_function(to_main_, job, napi_tsfn_nonblocking);
  if (--in_flight_ == 0) idle_.notify_all();
}

void Jobs::on_main(napi_env raw, napi_value, void* context, void* data) {
  if (raw == nullptr) return;  // the environment is ending: on_exit drops the job
  auto* jobs = static_cast<Jobs*>(context);
  try {
    const Napi::Env env(raw);
    const Napi::HandleScope scope(env);
    for (auto it = jobs->live_.begin(); it != jobs->live_.end(); ++it) {
      if (it->get() != data) continue;
      const std::shared_ptr<Job> job = *it;
      jobs->live_.erase(it);
      if (jobs->live_.empty()) napi_unref_threadsafe_function(env, jobs->to_main_);
      jobs->settle(env, *job);
      return;
    }
  } catch (const Napi::Error&) {
    // The environment is being terminated: nobody is left to hear of the result.
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
    for (const Borrowed& b : job.outputs) {
      const Napi::Value array = b.array.Value();
      const Buffer to = buffer_of(array, b.dtype);
      if (static_cast<std::size_t>(to.size) * size_of(b.dtype) < b.offset + b.bytes) {
        fail("backsolve internal: an output was resized or transferred while it was computed", nullptr);
        break;
      }
      if (b.bytes > 0) std::memcpy(static_cast<std::byte*>(to.data) + b.offset, b.own.get(), b.bytes);
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
    auto& own = job.inputs.emplace_back(std::make_unique<std::byte[]>(bytes));
    if (bytes > 0) std::memcpy(own.get(), data, bytes);
    ++next;
    return own.get();
  };
  const auto output = [&](std::size_t offset, std::size_t bytes, DType t) -> void* {
    auto& b = job.outputs.emplace_back();
    b.own = std::make_unique<std::byte[]>(bytes);  // zeros: a failed item must not show what the memory held before
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
      Index count = 1;  // check() knows that the product fits
      for (const Index d : o.dims) count *= d;
      const std::size_t bytes = static_cast<std::size_t>(count) * size_of(o.dtype);
      const std::size_t offset = count == 0 ? 0 : static_cast<std::size_t>(o.offset) * size_of(o.dtype);
      const auto* data = static_cast<const std::byte*>(o.data);
      o.data = static_cast<int>(i) < inputs ? input(data + (data != nullptr ? offset : 0), bytes) : output(offset, bytes, o.dtype);
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
  for (std::size_t i = 0; i < run.out.size(); ++i) {
    const DType t = program->values[static_cast<std::size_t>(program->outputs[i])].dtype;
    Index count = 1;
    for (const Index d : run.batch) count *= d;
    for (const Index d : program->values[static_cast<std::size_t>(program->outputs[i])].dims) count *= d;
    run.out[i] = output(0, static_cast<std::size_t>(count) * size_of(t), t);
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
  Runners::get().submit(job.get());
  return handle;
}

}  // namespace backsolve
