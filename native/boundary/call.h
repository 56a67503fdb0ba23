// From JavaScript values to program.h and back. Everything is checked; what does not fit throws Napi::Error.
#pragma once
#include <napi.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <system_error>

#include "../exec/program.h"

namespace backsolve {

/// The numbers of a descriptor, copied before anything else of JavaScript's is looked at.
class Words {
 public:
  explicit Words(const Napi::Value& descriptor);
  /// The next number as an integer in [low, high].
  Index integer(Index low, Index high, const char* what);
  double number();
  void end() const;
  bool done() const { return next_ == words_.size(); }

 private:
  std::vector<double> words_;
  std::size_t next_ = 0;
};

[[noreturn]] void refuse(Napi::Env env, const std::string& why);
/// Buffer i of a call has less memory than its operand needs: it was taken away, or resized.
[[noreturn]] void gone(Napi::Env env, std::size_t i);

struct Buffer {
  void* data;
  Index size;  // elements of the dtype
};
/// The memory of a typed array of the kind that holds `dtype`.
Buffer buffer_of(const Napi::Value& value, DType dtype);

napi_typedarray_type array_type(DType t);
Index width_of(DType t);

/// Where memory lies.
struct Range {
  std::uintptr_t begin, end;
};
Range range_of(const Buffer& buffer, DType dtype);
/// Outputs may touch neither inputs nor each other. Leaves `outputs` in another order.
void refuse_overlap(Napi::Env env, std::span<const Range> inputs, std::span<Range> outputs);

/// Whether a call computes now, into arrays of JavaScript's; or is a job, which makes its outputs itself: then only inputs have buffers,
/// and the descriptor ends with a number per input; or is prepared, without any memory.
enum class Mode { now, job, plan };

/// `quiet`, for jobs: of which inputs nobody outside the engine can change the memory.
Eager read_eager(const Napi::CallbackInfo& info, Mode mode, std::vector<bool>& quiet);
Program read_program(const Napi::CallbackInfo& info);
/// Buffers are arguments from the third: inputs, then outputs.
Run read_run(const Napi::CallbackInfo& info, const Program& program, Mode mode, std::vector<bool>& quiet);

Napi::Error coded(Napi::Env env, const char* text, const char* code);

/// What escapes from native code as an Error for JavaScript: a descriptor out of range, or a lack of memory or threads, which has a code.
template <class F>
auto guarded(Napi::Env env, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::out_of_range& e) {
    throw Napi::Error::New(env, std::string("backsolve internal: ") + e.what());
  } catch (const std::system_error&) {
    throw coded(env, "no thread", "ERR_NO_THREAD");
  } catch (const std::exception& e) {
    if (dynamic_cast<const Napi::Error*>(&e) != nullptr) throw;
    throw coded(env, "out of memory", "ERR_OUT_OF_MEMORY");  // bad_alloc, or a length that no vector can have
  }
}

}  // namespace backsolve
