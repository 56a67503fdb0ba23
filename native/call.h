// From JavaScript values to program.h and back. Everything is checked; what does not fit throws Napi::Error.
#pragma once
#include <napi.h>

#include <stdexcept>

#include "program.h"
#include "random.h"

namespace backsolve {

/// The numbers of a descriptor, copied before anything else of JavaScript's is looked at.
class Words {
 public:
  explicit Words(const Napi::Value& descriptor);
  /// The next number as an integer in [low, high].
  Index integer(Index low, Index high, const char* what);
  double number();
  void end() const;

 private:
  std::vector<double> words_;
  std::size_t next_ = 0;
};

[[noreturn]] void refuse(Napi::Env env, const std::string& why);

struct Buffer {
  void* data;
  Index size;  // elements of the dtype
};
/// The memory of a typed array of the kind that holds `dtype`.
Buffer buffer_of(const Napi::Value& value, DType dtype);

struct Flags {
  bool collect, exclusive;  // exclusive: nobody outside the engine holds the buffers
};
Flags flags_of(Words& words);

Eager read_eager(const Napi::CallbackInfo& info, Flags& flags);
Program read_program(const Napi::CallbackInfo& info);
/// Buffers are arguments from `first`: inputs, then outputs.
Run read_run(const Napi::CallbackInfo& info, const Program& program, std::size_t first, Flags& flags);

/// The numbers that a buffer is to be filled with.
struct Fill {
  Draw draw;
  Index first, count;
  void* data;
};
Fill read_fill(const Napi::CallbackInfo& info);

Napi::Value failures_of(Napi::Env env, const Outcome& outcome);

/// What escapes from native code as an Error for JavaScript: a descriptor out of range, or out of memory, which has a code.
template <class F>
auto guarded(Napi::Env env, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::out_of_range& e) {
    throw Napi::Error::New(env, std::string("backsolve internal: ") + e.what());
  } catch (const std::exception& e) {
    if (dynamic_cast<const Napi::Error*>(&e) != nullptr) throw;
    Napi::Error error = Napi::Error::New(env, "out of memory");  // bad_alloc, or a length that no vector can have
    error.Set("code", Napi::String::New(env, "ERR_OUT_OF_MEMORY"));
    throw error;
  }
}

}  // namespace backsolve
