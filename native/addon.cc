// All exports of the addon; docs/native-boundary.md says what they take.
#include <napi.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <mutex>

#include "base/heap.h"
#include "base/lapack/library.h"
#include "base/mappings.h"
#include "base/pool.h"
#include "base/processors.h"
#include "base/status.h"
#include "boundary/call.h"
#include "boundary/jobs.h"
#include "exec/plan.h"

namespace backsolve {
namespace {

constexpr const char* kDTypeNames[kDTypes] = {"float32", "float64", "complex64", "complex128", "bool", "int32"};
/// Another number with every change to docs/native-boundary.md that an older or newer lib/ would not understand; lib/boundary/addon.ts has
/// the same.
constexpr int kBoundary = 7;
constexpr napi_type_tag kProgramTag = {0x6261636b736f6c76, 0x70726f6772616d31};

Napi::Value list_kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  std::uint32_t id = 0;
  for (const Kernel& k : kernels()) {
    auto entry = Napi::Object::New(env);
    auto dtypes = Napi::Array::New(env), lanes = Napi::Array::New(env);
    for (int t = 0; t < kDTypes; ++t) {
      const auto column = static_cast<DType>(t);
      if (!k.family->computes(k, column)) continue;
      dtypes.Set(dtypes.Length(), kDTypeNames[t]);
      if (k.family->in_lanes(k, column, isa())) lanes.Set(lanes.Length(), kDTypeNames[t]);
    }
    entry.Set("id", id);
    entry.Set("name", k.name);
    entry.Set("family", k.family->name);
    auto forms = Napi::Array::New(env);
    for (int f = 0; f < k.text.forms; ++f) forms.Set(forms.Length(), k.text.text[f]);
    entry.Set("signatures", forms);
    entry.Set("outputs", k.outputs);
    entry.Set("dtypes", dtypes);
    entry.Set("lanes", lanes);
    list.Set(id++, entry);
  }
  return list;
}

Napi::Value failure_kinds(const Napi::CallbackInfo& info) {
  auto list = Napi::Array::New(info.Env());
  for (const char* name : kFailNames) list.Set(list.Length(), name);
  return list;
}

/// What a call that computed now returns: failures, undefined, or null where memory waits that did not before.
Napi::Value said(Napi::Env env, const Outcome& outcome) {
  return outcome.failures.empty() && mappings::rested() ? env.Null() : Jobs::of(env).failures(env, outcome);
}

Napi::Value run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    std::vector<bool> quiet;
    return said(info.Env(), execute(read_eager(info, Mode::now, quiet)));
  });
}

Napi::Value prepare(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), Jobs::of(info.Env()).calls.prepare(info)); });
}

Napi::Value call(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return said(info.Env(), Jobs::of(info.Env()).calls.run(info)); });
}

Napi::Value forget(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Jobs::of(info.Env()).calls.forget(info);
    return info.Env().Undefined();
  });
}

Napi::Value run_async(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::vector<bool> quiet;
    auto task = std::make_shared<Task>();
    task->work = read_eager(info, Mode::job, quiet);
    return Jobs::of(info.Env()).start(info.Env(), std::move(task), quiet);
  });
}

Napi::Value create_program(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    using Held = std::shared_ptr<const Program>;
    auto held = std::make_unique<Held>(std::make_shared<const Program>(read_program(info)));
    auto handle = Napi::Object::New(info.Env());
    const auto drop = [](napi_env, void* data, void*) { delete static_cast<Held*>(data); };
    if (napi_wrap(info.Env(), handle, held.get(), drop, nullptr, nullptr) != napi_ok) throw Napi::Error::New(info.Env());
    held.release();
    if (napi_type_tag_object(info.Env(), handle, &kProgramTag) != napi_ok) throw Napi::Error::New(info.Env());
    return handle;
  });
}

std::shared_ptr<const Program> program_of(const Napi::CallbackInfo& info) {
  bool ours = false;
  void* data = nullptr;
  const Napi::Env env = info.Env();
  if (!info[0].IsObject() || napi_check_object_type_tag(env, info[0], &kProgramTag, &ours) != napi_ok || !ours ||
      napi_unwrap(env, info[0], &data) != napi_ok)
    refuse(env, "not a program");
  return *static_cast<std::shared_ptr<const Program>*>(data);
}

Napi::Value run_program(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const auto program = program_of(info);
    std::vector<bool> quiet;
    return said(info.Env(), execute(*program, read_run(info, *program, Mode::now, quiet)));
  });
}

Napi::Value run_program_async(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto program = program_of(info);
    std::vector<bool> quiet;
    auto task = std::make_shared<Task>();
    task->work = ProgramRun{program, read_run(info, *program, Mode::job, quiet)};
    return Jobs::of(info.Env()).start(info.Env(), std::move(task), quiet);
  });
}

Napi::Value explain_program(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto program = program_of(info);
    std::vector<bool> quiet;
    return Napi::String::New(info.Env(), explain(*program, read_run(info, *program, Mode::now, quiet)));
  });
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  Jobs::of(info.Env()).cancel(info.Env(), info[0]);
  return info.Env().Undefined();
}

Napi::Value done(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), Jobs::of(info.Env()).done(info.Env(), info[0])); }

Napi::Value outputs(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Jobs::of(info.Env()).outputs(info.Env(), info[0]); });
}

Napi::Value copy_output(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const auto whole = [&](std::size_t i) {
      const double x = info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
      if (!(x >= 0 && x <= 0x1p53) || x != std::floor(x)) refuse(env, "not a number of bytes or of an output");
      return static_cast<std::size_t>(x);
    };
    return Napi::Number::New(env, Jobs::of(env).copy(env, info[0], whole(1), info[2], whole(3)));
  });
}

Napi::Value own(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return Jobs::of(info.Env()).own(info.Env(), info[0]); });
}

Napi::Value owned(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), Jobs::owned(info.Env(), info[0])); }

Napi::Value give(const Napi::CallbackInfo& info) {
  Jobs::of(info.Env()).give(info.Env(), info[0], info[1]);
  return info.Env().Undefined();
}

Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Object::New(env);
  auto sets = Napi::Array::New(env);
  for (const LanesTable* t : isas()) sets.Set(sets.Length(), t->name);
  auto compiled = Napi::Array::New(env);
  for (const char* name : compiled_isas()) compiled.Set(compiled.Length(), name);
  out.Set("isa", isa().name);
  out.Set("isas", sets);
  out.Set("isasCompiled", compiled);
  out.Set("lanes", isa().bytes / 8);
  out.Set("threads", pool::size());
  out.Set("threadsFrom", pool::size_from());
  out.Set("blas", la::config());
  out.Set("blasPath", la::path());
  out.Set("blasThreads", la::num_threads());
  out.Set("blasParallel", la::parallel());
  out.Set("malloc", heap::state());
#ifdef BS_HAVE_SLEEF
  out.Set("vectorMath", "SLEEF");
#else
  out.Set("vectorMath", "libm");
#endif
  return out;
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  const double n = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(n >= 1 && n <= pool::kMaxThreads) || n != static_cast<int>(n)) refuse(info.Env(), "threads must be an integer from 1 to 256");
  pool::resize(static_cast<int>(n), "setThreads");
  return info.Env().Undefined();
}

Napi::Value tune_heap(const Napi::CallbackInfo& info) {
  const double most = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(most >= 0 && most <= 0x1p53)) refuse(info.Env(), "not a number of bytes");
  heap::tune(static_cast<std::size_t>(most));
  mappings::keep(static_cast<std::size_t>(most));
  return Napi::Boolean::New(info.Env(), std::string_view(heap::state()) == "tuned");
}

Napi::Value hold_heap(const Napi::CallbackInfo& info) {
  heap::hold(info[0].ToBoolean());
  return info.Env().Undefined();
}

Napi::Value use_heap(const Napi::CallbackInfo& info) {
  heap::used();
  return info.Env().Undefined();
}

Napi::Value trim_heap(const Napi::CallbackInfo& info) {
  if (heap::trim()) mappings::trim();
  return info.Env().Undefined();
}

/// Frees the memory of an array at once, unless another array lies in the same buffer, or threads share it.
Napi::Value discard(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) refuse(info.Env(), "a buffer must be a typed array");
  const auto array = info[0].As<Napi::TypedArray>();
  napi_value buffer;
  bool plain = false;
  void* data = nullptr;
  std::size_t whole = 0;
  const bool known = napi_get_typedarray_info(info.Env(), array, nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok &&
                     napi_is_arraybuffer(info.Env(), buffer, &plain) == napi_ok && plain &&
                     napi_get_arraybuffer_info(info.Env(), buffer, &data, &whole) == napi_ok;
  if (known && whole == array.ByteLength()) napi_detach_arraybuffer(info.Env(), buffer);
  return info.Env().Undefined();
}

/// For tests: how many plans of programs were made.
Napi::Value count_plans(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(plans_made())); }

/// For tests: what the quotas of cgroups under this root allow.
Napi::Value processor_quota(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) refuse(info.Env(), "a root is a string");
  return Napi::Number::New(info.Env(), cpu_quota(info[0].As<Napi::String>().Utf8Value()));
}

/// Follows BACKSOLVE_ISA, BACKSOLVE_THREADS and BACKSOLVE_MALLOC, where they are not empty, once for the process. Returns "" or what is
/// wrong with them.
std::string follow_environment() {
  static std::mutex mutex;
  static bool followed = false;
  const std::lock_guard lock(mutex);
  const auto variable = [](const char* name) -> std::string {
    const char* text = followed ? nullptr : std::getenv(name);
    return text == nullptr ? "" : text;
  };
  const std::string isa = variable("BACKSOLVE_ISA"), threads = variable("BACKSOLVE_THREADS"), malloc = variable("BACKSOLVE_MALLOC");
  if (!isa.empty() && !choose_isa(isa)) {
    std::string known;
    for (const LanesTable* t : isas()) known += (known.empty() ? "\"" : ", \"") + std::string(t->name) + '"';
    return "BACKSOLVE_ISA is \"" + isa + "\", expected what this processor has: " + known + ".";
  }
  int n = 0;
  const char* const end = threads.data() + threads.size();
  const auto read = std::from_chars(threads.data(), end, n);
  if (!threads.empty() && (read.ec != std::errc() || read.ptr != end || n < 1 || n > pool::kMaxThreads))
    return "BACKSOLVE_THREADS is \"" + threads + "\", expected an integer from 1 to " + std::to_string(pool::kMaxThreads) + ".";
  if (!malloc.empty() && !heap::choose(malloc)) return "BACKSOLVE_MALLOC is \"" + malloc + "\", expected \"tuned\" or \"system\".";
  if (!threads.empty()) pool::resize(n, "BACKSOLVE_THREADS");
  followed = true;
  return "";
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (const std::string& wrong = la::load(); !wrong.empty()) throw Napi::Error::New(env, wrong);
  if (const std::string wrong = follow_environment(); !wrong.empty()) {
    Napi::Error error = Napi::Error::New(env, wrong);
    error.Set("code", Napi::String::New(env, "ERR_ARGUMENT"));
    throw error;
  }
  env.SetInstanceData(new Jobs(env));
  exports.Set("boundary", kBoundary);
  const auto add = [&](const char* name, Napi::Value (*f)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, f, name));
  };
  add("kernels", list_kernels);
  add("failureKinds", failure_kinds);
  add("run", run);
  add("prepare", prepare);
  add("call", call);
  add("forget", forget);
  add("runAsync", run_async);
  add("createProgram", create_program);
  add("runProgram", run_program);
  add("runProgramAsync", run_program_async);
  add("explainProgram", explain_program);
  add("cancel", cancel);
  add("done", done);
  add("outputs", outputs);
  add("copyOutput", copy_output);
  add("own", own);
  add("owned", owned);
  add("give", give);
  add("info", describe);
  add("tuneHeap", tune_heap);
  add("holdHeap", hold_heap);
  add("useHeap", use_heap);
  add("trimHeap", trim_heap);
  add("discard", discard);
  add("setThreads", set_threads);
  add("plansMade", count_plans);
  add("processorQuota", processor_quota);
  return exports;
}

NODE_API_MODULE(backsolve, init)

}  // namespace
}  // namespace backsolve
