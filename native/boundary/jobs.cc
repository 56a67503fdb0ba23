#include "jobs.h"

#include <algorithm>
#include <cstring>

#include "../base/pool.h"
#include "../exec/shape.h"
#include "call.h"

namespace backsolve {
namespace {

constexpr napi_type_tag kJobTag = {0x6261636b736f6c76, 0x6a6f620000000001};
constexpr std::size_t kSlice = std::size_t{4} << 20;      // bytes copied per turn of the event loop
constexpr std::size_t kCopyGrain = std::size_t{2} << 20;  // bytes that one thread copies at a time
constexpr std::size_t kMaxExternal = 0xfff00000;          // Node 20's buffers end at 4 GiB

void check(Napi::Env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

std::shared_ptr<Task> task_of(Napi::Env env, Napi::Value handle) {
  bool ours = false;
  void* data = nullptr;
  if (!handle.IsObject() || napi_check_object_type_tag(env, handle, &kJobTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, handle, &data) != napi_ok)
    refuse(env, "not a job");
  return *static_cast<std::shared_ptr<Task>*>(data);
}

/// What a typed array is made of.
struct Parts {
  napi_typedarray_type type = napi_int8_array;
  std::size_t length = 0, offset = 0, bytes = 0;
  void *data = nullptr, *start = nullptr;  // of the array, of its buffer
  std::size_t whole = 0;                   // bytes of its buffer; 0 for one that is shared between threads
  napi_value buffer = nullptr;
};
Parts parts_of(Napi::Env env, Napi::Value array) {
  Parts p;
  if (!array.IsTypedArray() || napi_get_typedarray_info(env, array, &p.type, &p.length, &p.data, &p.buffer, &p.offset) != napi_ok)
    refuse(env, "a buffer must be a typed array");
  p.bytes = array.As<Napi::TypedArray>().ByteLength();
  bool plain = false;
  check(env, napi_is_arraybuffer(env, p.buffer, &plain));
  if (plain) check(env, napi_get_arraybuffer_info(env, p.buffer, &p.start, &p.whole));
  return p;
}
/// Large, and all of a buffer that one thread has.
bool movable(const Parts& p) { return p.bytes >= kLargeBytes && p.bytes == p.whole; }

Napi::Value array_over(Napi::Env env, napi_typedarray_type type, std::size_t length, napi_value buffer) {
  napi_value array;
  check(env, napi_create_typedarray(env, type, length, buffer, 0, &array));
  return {env, array};
}

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  pool::parallel(static_cast<Index>((bytes + kCopyGrain - 1) / kCopyGrain), 0, [&](Index i) {
    const std::size_t at = static_cast<std::size_t>(i) * kCopyGrain;
    std::memcpy(to + at, from + at, std::min(kCopyGrain, bytes - at));
  });
}

/// Memory of the job's own with these bytes: the block that holds them, if they are ours and nobody can write to them, or a copy.
const std::byte* keep(Job& job, const void* data, std::size_t bytes, bool quiet) {
  const auto* from = static_cast<const std::byte*>(data);
  if (Memory block = quiet ? Block::find(from, bytes) : nullptr) {
    job.inputs.push_back(std::move(block));
    return from;
  }
  const Memory& copy = job.inputs.emplace_back(Block::make(bytes));
  if (bytes > 0) copy_bytes(copy->data(), from, bytes);
  return copy->data();
}

void take(Job& job, Eager& e, const std::vector<bool>& quiet) {
  const auto inputs = static_cast<std::size_t>(e.inputs());
  for (std::size_t i = 0; i < e.operands.size(); ++i) {
    Operand& o = e.operands[i];
    if (!o.present) continue;
    const Index count = count_of(o.dims.data(), static_cast<int>(o.dims.size()));
    if (i >= inputs) {
      job.results.push_back({o.dtype, count, nullptr});
      continue;
    }
    const auto* from = static_cast<const std::byte*>(o.data) + static_cast<std::size_t>(o.offset) * size_of(o.dtype);
    o.data = const_cast<std::byte*>(keep(job, from, static_cast<std::size_t>(count) * size_of(o.dtype), quiet[i]));
    o.offset = 0;
    o.size = count;
  }
  e.abort = &job.abort;
}

void take(Job& job, ProgramRun& p, const std::vector<bool>& quiet) {
  auto& [program, run] = p;
  for (std::size_t i = 0; i < run.in.size(); ++i) run.in[i] = keep(job, run.in[i], run.in_bytes[i], quiet[i]);
  const Index items = count_of(run.batch.data(), static_cast<int>(run.batch.size()));
  for (std::size_t o = 0; o < program->outputs.size(); ++o) {
    const Type& t = program->values[static_cast<std::size_t>(program->outputs[o])];
    const Index each = count_of(t.dims.data(), static_cast<int>(t.dims.size()));
    job.results.push_back({t.dtype, run.summed(o) ? each : items * each, nullptr});
  }
  run.abort = &job.abort;
  run.done = &job.done;
}

}  // namespace

// ---- Jobs ----

Jobs::Jobs(Napi::Env env) {
  const Napi::String name = Napi::String::New(env, "backsolve");
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_main, &mailbox_->to_main));
  check(env, napi_unref_threadsafe_function(env, mailbox_->to_main));  // only jobs in flight keep the process alive
  out_of_memory_ = Napi::Persistent(coded(env, "out of memory", "ERR_OUT_OF_MEMORY").Value());
  // Hooks run last in, first out: this one while the function above still works.
  check(env, napi_add_env_cleanup_hook(env, on_exit, this));
}

void Task::ended(std::shared_ptr<Job> self) {
  const std::shared_ptr<Mailbox> to = mailbox;
  std::unique_ptr<std::shared_ptr<Task>> mine = std::move(word);
  *mine = std::static_pointer_cast<Task>(std::move(self));
  const std::lock_guard lock(to->mutex);
  if (to->to_main != nullptr && napi_call_threadsafe_function(to->to_main, mine.get(), napi_tsfn_nonblocking) == napi_ok) mine.release();
}

void Jobs::on_main(napi_env raw, napi_value, void* context, void* data) {
  const std::unique_ptr<std::shared_ptr<Task>> word(static_cast<std::shared_ptr<Task>*>(data));
  if (raw == nullptr) return;  // the environment is ending
  const Napi::Env env(raw);
  const Napi::HandleScope scope(env);
  Task& task = **word;
  if (!task.settled) static_cast<Jobs*>(context)->settle(env, task);
}

/// No exception may pass from here into Node.
void Jobs::settle(Napi::Env env, Task& task) {
  task.settled = true;
  unwant(env, task);
  napi_value failure = nullptr, value = nullptr;
  try {
    if (task.out_of_memory)
      failure = out_of_memory_.Value();
    else if (task.abort.load())
      failure = coded(env, "aborted", "ERR_ABORTED").Value();
    else
      value = failures(env, task.outcome);
  } catch (const std::exception&) {
    failure = out_of_memory_.Value();
  }
  if (failure != nullptr) {
    for (Result& r : task.results) discard(std::move(r.memory));
    task.results.clear();
    napi_reject_deferred(env, task.deferred, failure);
  } else {
    napi_resolve_deferred(env, task.deferred, value);
  }
  live_.erase(&task);
}

void Jobs::unwant(Napi::Env env, Task& task) {
  if (!task.wanted) return;
  task.wanted = false;
  if (--wanted_ == 0) napi_unref_threadsafe_function(env, mailbox_->to_main);
}

Napi::Value Jobs::start(Napi::Env env, std::shared_ptr<Task> task, const std::vector<bool>& quiet) {
  std::visit([&](auto& work) { take(*task, work, quiet); }, task->work);
  task->mailbox = mailbox_;
  auto held = std::make_unique<std::shared_ptr<Task>>(task);
  Napi::Object handle = Napi::Object::New(env);
  const auto drop = [](napi_env, void* data, void*) {
    const std::unique_ptr<std::shared_ptr<Task>> last(static_cast<std::shared_ptr<Task>*>(data));
    if (!(*last)->settled) return;  // others have it, too
    for (Result& r : (*last)->results) discard(std::move(r.memory));
  };
  check(env, napi_wrap(env, handle, held.get(), drop, nullptr, nullptr));
  held.release();
  check(env, napi_type_tag_object(env, handle, &kJobTag));
  napi_value promise;
  check(env, napi_create_promise(env, &task->deferred, &promise));
  handle.Set("promise", Napi::Value(env, promise));
  try {
    submit(task);
  } catch (...) {  // no thread: the caller gets the error, nobody sees the promise
    napi_resolve_deferred(env, task->deferred, env.Undefined());
    throw;
  }
  if (wanted_++ == 0) napi_ref_threadsafe_function(env, mailbox_->to_main);
  Task* const key = task.get();
  live_.emplace(key, std::move(task));
  return handle;
}

void Jobs::cancel(Napi::Env env, Napi::Value handle) {
  const std::shared_ptr<Task> task = task_of(env, handle);
  if (task->settled) return;
  task->abort.store(true);
  unwant(env, *task);
  if (!withdraw(*task)) return;
  for (Memory& m : task->inputs) discard(std::move(m));
  settle(env, *task);
}

double Jobs::done(Napi::Env env, Napi::Value handle) { return static_cast<double>(task_of(env, handle)->done.load()); }

/// The environment ends while jobs compute: they go on without it, to the end of their chunk, in memory that is theirs.
void Jobs::on_exit(void* self) {
  auto* jobs = static_cast<Jobs*>(self);
  napi_threadsafe_function to_main;
  {
    const std::lock_guard lock(jobs->mailbox_->mutex);
    to_main = std::exchange(jobs->mailbox_->to_main, nullptr);
  }
  for (const auto& [task, held] : jobs->live_) {
    task->abort.store(true);
    withdraw(*task);
  }
  jobs->live_.clear();
  napi_release_threadsafe_function(to_main, napi_tsfn_abort);
}

// ---- Memory ----

/// Whether the environment is ending: it runs no JavaScript any more.
bool is_ending(napi_env env) {
  napi_value value;
  bool same;
  return napi_get_undefined(env, &value) != napi_ok || napi_strict_equals(env, value, value, &same) != napi_ok;
}

/// An ArrayBuffer over memory of ours gives up its share of the block. Node does this at the end of an environment also for one that was
/// transferred, and may be in another thread by then: the addresses stay.
void let_go(napi_env env, void*, void* hint) {
  const std::unique_ptr<Memory> memory(static_cast<Memory*>(hint));
  if (is_ending(env))
    Block::strand(std::move(*memory));
  else
    discard(std::move(*memory));
}

/// Null where the runtime takes none.
napi_value Jobs::external(Napi::Env env, const Memory& memory) {
  if (refused_ || memory->size() > kMaxExternal) return nullptr;
  auto held = std::make_unique<Memory>(memory);
  napi_value buffer;
  refused_ = napi_create_external_arraybuffer(env, memory->data(), memory->size(), let_go, held.get(), &buffer) != napi_ok;
  if (refused_) return nullptr;
  held.release();
  return buffer;
}

/// A copy as an ArrayBuffer of V8's, which ends the process where it finds no memory: to be asked for little.
napi_value copied(Napi::Env env, const Memory& memory) {
  void* data = nullptr;
  napi_value buffer;
  check(env, napi_create_arraybuffer(env, memory->size(), &data, &buffer));
  if (memory->size() > 0) std::memcpy(data, memory->data(), memory->size());
  return buffer;
}

Napi::Value Jobs::outputs(Napi::Env env, Napi::Value handle) {
  const std::shared_ptr<Task> task = task_of(env, handle);
  if (!task->settled) refuse(env, "the job is not done");
  auto list = Napi::Array::New(env, task->results.size());
  for (std::size_t i = 0; i < task->results.size(); ++i) {
    Result& r = task->results[i];
    if (r.memory == nullptr) refuse(env, "the outputs were taken");
    napi_value over = r.bytes() < kLargeBytes ? copied(env, r.memory) : external(env, r.memory);
    if (over == nullptr) continue;
    const auto length = static_cast<std::size_t>(r.count * width_of(r.dtype));
    list.Set(static_cast<std::uint32_t>(i), array_over(env, array_type(r.dtype), length, over));
    r.memory = nullptr;
  }
  return list;
}

Napi::Value Jobs::failures(Napi::Env env, const Outcome& outcome) {
  if (outcome.failures.empty()) return env.Undefined();
  const std::size_t length = outcome.failures.size() * static_cast<std::size_t>(4 + outcome.depth);
  const Memory memory = Block::make(length * sizeof(double));
  auto* to = reinterpret_cast<double*>(memory->data());
  for (const Failure& f : outcome.failures) {
    *to++ = static_cast<double>(f.item);
    *to++ = f.site;
    *to++ = static_cast<double>(static_cast<int>(kind_of(f.info)));
    *to++ = index_of(f.info);
    for (int d = 0; d < outcome.depth; ++d) *to++ = static_cast<double>(outcome.steps[static_cast<std::size_t>(f.at * outcome.depth + d)]);
  }
  napi_value over = memory->size() < kLargeBytes ? nullptr : external(env, memory);
  if (over == nullptr) over = copied(env, memory);
  return array_over(env, napi_float64_array, length, over);
}

double Jobs::copy(Napi::Env env, Napi::Value handle, std::size_t result, Napi::Value array, std::size_t from) {
  const std::shared_ptr<Task> task = task_of(env, handle);
  if (!task->settled || result >= task->results.size() || task->results[result].memory == nullptr) refuse(env, "no such output");
  Result& r = task->results[result];
  const Buffer to = buffer_of(array, r.dtype);
  if (to.size < r.count) gone(env, 0);
  if (from > r.bytes()) refuse(env, "a part beyond the output");
  const std::size_t part = std::min(kSlice, r.bytes() - from);
  std::memcpy(static_cast<std::byte*>(to.data) + from, r.memory->data() + from, part);
  if (from + part == r.bytes()) discard(std::move(r.memory));
  return static_cast<double>(from + part);
}

Napi::Value Jobs::own(Napi::Env env, Napi::Value array) {
  const Parts p = parts_of(env, array);
  if (refused_ || !movable(p) || p.bytes > kMaxExternal || Block::find(p.data, p.bytes) != nullptr) return array;
  const Memory block = Block::take(p.data, p.bytes);
  napi_value buffer = external(env, block);
  if (buffer == nullptr || napi_detach_arraybuffer(env, p.buffer) != napi_ok) {
    std::memcpy(p.data, block->data(), p.bytes);
    return array;
  }
  return array_over(env, p.type, p.length, buffer);
}

bool Jobs::owned(Napi::Env env, Napi::Value array) {
  const Parts p = parts_of(env, array);
  const Memory block = movable(p) ? Block::find(p.data, p.bytes) : nullptr;
  return block != nullptr && block->data() == p.data && block->size() == p.bytes;
}

void Jobs::give(Napi::Env env, Napi::Value array, Napi::Value to) {
  if (!owned(env, array)) refuse(env, "memory that is not native");
  const Parts p = parts_of(env, array), q = parts_of(env, to);
  if (q.type != p.type || !movable(q) || q.bytes != p.bytes || Block::find(q.data, q.bytes) != nullptr) refuse(env, "not a like array");
  const Memory block = Block::find(p.data, p.bytes);
  check(env, napi_detach_arraybuffer(env, p.buffer));
  if (!Block::give(block, 2, q.data))
    std::memcpy(q.data, block->data(), p.bytes);  // a job reads it; else only `block` and the detached array hold it
}

}  // namespace backsolve
