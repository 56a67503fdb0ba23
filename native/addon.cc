// All exports of the addon; docs/native-boundary.md says what they take.
#include <napi.h>

#include "call.h"
#include "lapack.h"
#include "pool.h"
#include "worker.h"

namespace backsolve {
namespace {

constexpr const char* kDTypes[] = {"float32", "float64", "complex64", "complex128"};
constexpr napi_type_tag kProgramTag = {0x6261636b736f6c76, 0x70726f6772616d31};

Jobs& jobs(Napi::Env env) { return *env.GetInstanceData<Jobs>(); }

std::vector<Napi::TypedArray> arrays_from(const Napi::CallbackInfo& info, std::size_t first) {
  std::vector<Napi::TypedArray> arrays;
  for (std::size_t i = first; i < info.Length(); ++i) arrays.push_back(info[i].As<Napi::TypedArray>());
  return arrays;
}

Napi::Value list_kernels(const Napi::CallbackInfo& info) {
  constexpr const char* kFamilies[] = {"matrix", "map", "reduce", "view", "scatter", "band"};
  const Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  std::uint32_t id = 0;
  for (const Kernel& k : kernels()) {
    auto entry = Napi::Object::New(env);
    auto dtypes = Napi::Array::New(env), lanes = Napi::Array::New(env);
    for (int t = 0; t < kFloatTypes; ++t) {
      const bool is_map = k.family == Family::map, is_reduce = k.family == Family::reduce;
      const bool single = k.family == Family::matrix ? k.single[t] != nullptr
                          : is_map                   ? isa().map_flat[k.which][t] != nullptr
                          : is_reduce                ? isa().reduce_flat[k.which][t] != nullptr
                                                     : true;
      const bool wide = k.family == Family::matrix ? k.lanes != nullptr && (isa().*k.lanes)[t] != nullptr
                        : is_map                   ? isa().map_lanes[k.which][t] != nullptr
                        : is_reduce                ? isa().reduce_lanes[k.which][t] != nullptr
                                                   : true;
      if (single) dtypes.Set(dtypes.Length(), kDTypes[t]);
      if (wide) lanes.Set(lanes.Length(), kDTypes[t]);
    }
    entry.Set("id", id);
    entry.Set("name", k.name);
    entry.Set("family", kFamilies[static_cast<int>(k.family)]);
    entry.Set("outputs", k.outputs);
    entry.Set("dtypes", dtypes);
    entry.Set("lanes", lanes);
    list.Set(id++, entry);
  }
  return list;
}

Napi::Value run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Flags flags;
    const Eager e = read_eager(info, flags);
    return failures_of(info.Env(), execute(e));
  });
}

Napi::Value run_async(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Flags flags;
    auto job = std::make_shared<Job>();
    job->work = read_eager(info, flags);
    return jobs(info.Env()).start(info.Env(), std::move(job), arrays_from(info, 1), flags.exclusive);
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
    Flags flags;
    const Run run = read_run(info, *program, 2, flags);
    return failures_of(info.Env(), execute(*program, run));
  });
}

Napi::Value run_program_async(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto program = program_of(info);
    Flags flags;
    auto job = std::make_shared<Job>();
    job->work = ProgramRun{program, read_run(info, *program, 2, flags)};
    return jobs(info.Env()).start(info.Env(), std::move(job), arrays_from(info, 2), flags.exclusive);
  });
}

Napi::Value explain_program(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto program = program_of(info);
    Flags flags;
    const Run run = read_run(info, *program, 2, flags);
    return Napi::String::New(info.Env(), explain(*program, run));
  });
}

Napi::Value fill_random(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fill f = read_fill(info);
    fill_random(f.draw, f.data, f.first, f.count);
    return info.Env().Undefined();
  });
}

Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto out = Napi::Object::New(env);
  auto sets = Napi::Array::New(env);
  for (const LanesTable* t : isas()) sets.Set(sets.Length(), t->name);
  out.Set("isa", isa().name);
  out.Set("isas", sets);
  out.Set("lanes", isa().bytes / 8);
  out.Set("threads", pool::size());
  out.Set("blas", la::config());
  out.Set("blasThreads", la::num_threads());
  out.Set("blasParallel", la::parallel());
#ifdef BS_HAVE_SLEEF
  out.Set("vectorMath", "SLEEF");
#else
  out.Set("vectorMath", "libm");
#endif
  return out;
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  const double n = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(n >= 1 && n <= 256) || n != static_cast<int>(n)) refuse(info.Env(), "threads must be an integer from 1 to 256");
  pool::resize(static_cast<int>(n));
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Jobs(env));
  const auto add = [&](const char* name, Napi::Value (*f)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, f, name));
  };
  add("kernels", list_kernels);
  add("run", run);
  add("runAsync", run_async);
  add("createProgram", create_program);
  add("runProgram", run_program);
  add("runProgramAsync", run_program_async);
  add("explainProgram", explain_program);
  add("fillRandom", fill_random);
  add("info", describe);
  add("setThreads", set_threads);
  return exports;
}

NODE_API_MODULE(backsolve, init)

}  // namespace
}  // namespace backsolve
