#include "call.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "../exec/plan.h"
#include "../exec/shape.h"

namespace backsolve {
namespace {

constexpr Index kMaxInteger = Index{1} << 53;
constexpr Index kMaxValues = 10'000'000;

DType read_dtype(Words& words) { return static_cast<DType>(words.integer(0, 5, "dtype")); }

std::vector<Index> read_dims(Words& words) {
  const Index rank = words.integer(0, kMaxRank, "rank");
  std::vector<Index> dims(static_cast<std::size_t>(rank));
  for (Index& d : dims) d = words.integer(0, kMaxInteger, "size");
  return dims;
}

std::vector<double> read_attrs(Words& words) {
  std::vector<double> attrs(static_cast<std::size_t>(words.integer(0, 64, "attribute count")));
  for (double& a : attrs) a = words.number();
  return attrs;
}

std::vector<int> read_ids(Words& words, Index low, Index values, const char* what) {
  std::vector<int> ids(static_cast<std::size_t>(words.integer(0, kMaxValues, what)));
  for (int& id : ids) id = static_cast<int>(words.integer(low, values - 1, what));
  return ids;
}

std::vector<bool> read_quiet(Words& words, std::size_t inputs) {
  std::vector<bool> quiet(inputs);
  for (std::size_t i = 0; i < inputs; ++i) quiet[i] = words.integer(0, 1, "quiet") != 0;
  return quiet;
}

/// What stands behind the -1 of an instruction with bodies: its kind, its numbers, its bodies.
std::shared_ptr<const Control> read_control(Words& words, const std::vector<std::shared_ptr<const Program>>& before) {
  auto k = std::make_shared<Control>();
  k->kind = static_cast<Control::Kind>(words.integer(0, 2, "kind of control"));
  const Index least = k->kind == Control::Kind::loop ? 4 : k->kind == Control::Kind::cond ? 0 : 2;
  const Index numbers = words.integer(least, k->kind == Control::Kind::loop ? kMaxValues : least, "numbers of a control");
  if (least > 0) k->length = words.integer(0, kMaxInteger, "length");
  if (k->kind == Control::Kind::loop) k->reverse = words.integer(0, 1, "reverse") != 0;
  if (least > 0) k->carries = static_cast<std::size_t>(words.integer(0, kMaxValues, "carries"));
  if (k->kind == Control::Kind::loop) {
    k->mapped = static_cast<std::size_t>(words.integer(0, kMaxValues, "mapped inputs"));
    for (Index i = least; i < numbers; ++i) k->sums.push_back(words.integer(0, 1, "sum") != 0);
  }
  const Index bodies = words.integer(1, 2, "body count");
  for (Index i = 0; i < bodies; ++i)
    k->bodies.push_back(before[static_cast<std::size_t>(words.integer(0, static_cast<Index>(before.size()) - 1, "body"))]);
  return k;
}

}  // namespace

void refuse_overlap(Napi::Env env, std::span<const Range> inputs, std::span<Range> outputs) {
  const auto empty = [](const Range& r) { return r.begin == r.end; };
  outputs = outputs.first(static_cast<std::size_t>(std::remove_if(outputs.begin(), outputs.end(), empty) - outputs.begin()));
  std::sort(outputs.begin(), outputs.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (std::size_t o = 1; o < outputs.size(); ++o) {
    if (outputs[o].begin < outputs[o - 1].end) refuse(env, "two outputs overlap");
  }
  for (const Range& in : inputs) {
    const auto after = [](const Range& out, std::uintptr_t begin) { return out.end <= begin; };
    const auto out = std::lower_bound(outputs.begin(), outputs.end(), in.begin, after);
    if (!empty(in) && out != outputs.end() && out->begin < in.end) refuse(env, "an output overlaps an input");
  }
}

Range range_of(const Buffer& b, DType t) {
  const auto begin = reinterpret_cast<std::uintptr_t>(b.data);
  return {begin, begin + static_cast<std::size_t>(b.size) * size_of(t)};
}

/// Whether `offset` and the elements of these dims fit; sizes that overflow are for check() to refuse.
static bool fits(const Buffer& b, Index offset, const std::vector<Index>& dims) {
  const Index count = checked_count(dims.data(), static_cast<int>(dims.size()));
  return count < 0 || (offset <= b.size && count <= b.size - offset);
}

napi_typedarray_type array_type(DType t) {
  switch (t) {
    case DType::f32:
    case DType::c64:
      return napi_float32_array;
    case DType::f64:
    case DType::c128:
      return napi_float64_array;
    case DType::b8:
      return napi_uint8_array;
    default:
      return napi_int32_array;
  }
}
Index width_of(DType t) { return t == DType::c64 || t == DType::c128 ? 2 : 1; }

void refuse(Napi::Env env, const std::string& why) { throw Napi::Error::New(env, "backsolve internal: " + why); }

Napi::Error coded(Napi::Env env, const char* text, const char* code) {
  Napi::Error error = Napi::Error::New(env, text);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

void gone(Napi::Env env, std::size_t i) {
  Napi::Error error = coded(env, "backsolve internal: a buffer is too small", "ERR_BUFFER");
  error.Set("buffer", Napi::Number::New(env, static_cast<double>(i)));
  throw error;
}

Words::Words(const Napi::Value& descriptor) {
  if (!descriptor.IsTypedArray()) throw Napi::Error::New(descriptor.Env(), "backsolve internal: the descriptor must be a Float64Array");
  napi_typedarray_type type = napi_int8_array;  // stays so for kinds that this Node-API does not know
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(descriptor.Env(), descriptor, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array)
    throw Napi::Error::New(descriptor.Env(), "backsolve internal: the descriptor must be a Float64Array");
  const auto* first = static_cast<const double*>(data);
  if (length > 0) words_.assign(first, first + length);
}

Index Words::integer(Index low, Index high, const char* what) {
  const double x = number();
  if (!(x >= static_cast<double>(low) && x <= static_cast<double>(high)) || x != std::floor(x))
    throw std::out_of_range(std::string("descriptor: ") + what + " out of range");
  return static_cast<Index>(x);
}

double Words::number() {
  if (next_ >= words_.size()) throw std::out_of_range("descriptor: too short");
  return words_[next_++];
}

void Words::end() const {
  if (next_ != words_.size()) throw std::out_of_range("descriptor: too long");
}

Buffer buffer_of(const Napi::Value& value, DType dtype) {
  const Napi::Env env = value.Env();
  napi_typedarray_type type = napi_int8_array;  // stays so for kinds that this Node-API does not know
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok)
    refuse(env, "a buffer must be a typed array");
  if (type != array_type(dtype)) refuse(env, "a buffer has the wrong type of array for its dtype");
  if (data == nullptr) length = 0;
  return {data, static_cast<Index>(length) / width_of(dtype)};
}

Eager read_eager(const Napi::CallbackInfo& info, Mode mode, std::vector<bool>& quiet) {
  const Napi::Env env = info.Env();
  Words words(info[0]);
  Eager e;
  e.kernel = static_cast<int>(words.integer(0, static_cast<Index>(kernels().size()) - 1, "kernel"));
  e.collect = words.integer(0, 1, "flags") != 0;
  e.column = read_dtype(words);
  e.attrs = read_attrs(words);
  const Index count = words.integer(1, kMaxOperands, "operand count");
  const int given = kernels()[static_cast<std::size_t>(e.kernel)].inputs_of(static_cast<std::size_t>(count));
  if (given < 0) refuse(env, "wrong number of operands");
  std::size_t next = 1;
  std::vector<Range> inputs, outputs;
  for (Index i = 0; i < count; ++i) {
    Operand o{};
    o.present = words.integer(0, 1, "present") != 0;
    o.dtype = read_dtype(words);
    o.dims = read_dims(words);
    o.offset = words.integer(0, kMaxInteger, "offset");
    if (o.present && (mode == Mode::now || (mode == Mode::job && i < given))) {
      const Buffer b = buffer_of(info[next], o.dtype);
      if (!fits(b, o.offset, o.dims)) gone(env, next - 1);
      ++next;
      o.data = b.data;
      o.size = b.size;
      (i < given ? inputs : outputs).push_back(range_of(b, o.dtype));
    }
    e.operands.push_back(std::move(o));
  }
  if (mode == Mode::job) quiet = read_quiet(words, static_cast<std::size_t>(given));
  words.end();
  if (next != info.Length()) refuse(env, "wrong number of buffers");
  refuse_overlap(env, inputs, outputs);
  const std::size_t here = mode == Mode::now ? e.operands.size() : mode == Mode::job ? static_cast<std::size_t>(given) : 0;
  if (const std::string why = check(e, here); !why.empty()) refuse(env, why);
  return e;
}

/// One of the programs of a descriptor, but for its constants' data. `before`: those that it may have as bodies.
static Program read_code(Words& words, const std::vector<std::shared_ptr<const Program>>& before) {
  Program p;
  const Index values = words.integer(0, kMaxValues, "value count");
  for (Index i = 0; i < values; ++i) {
    const DType t = read_dtype(words);
    p.values.push_back({t, read_dims(words)});
  }
  p.inputs = read_ids(words, 0, values, "input");
  p.constants = read_ids(words, 0, values, "constant");
  const Index code = words.integer(0, kMaxValues, "code count");
  for (Index i = 0; i < code; ++i) {
    Instruction x;
    x.kernel = static_cast<int>(words.integer(-1, static_cast<Index>(kernels().size()) - 1, "kernel"));
    if (x.kernel < 0) {
      x.control = read_control(words, before);
    } else {
      x.column = read_dtype(words);
      x.attrs = read_attrs(words);
    }
    x.in = read_ids(words, -1, values, "instruction input");
    x.out = read_ids(words, -1, values, "instruction output");
    p.code.push_back(std::move(x));
  }
  p.outputs = read_ids(words, 0, values, "output");
  return p;
}

/// Copies the constants of a program from the buffers from `next` on.
static void take_constants(const Napi::CallbackInfo& info, Program& p, std::size_t& next) {
  for (const int v : p.constants) {
    const Type& t = p.values[static_cast<std::size_t>(v)];
    if (next >= info.Length()) refuse(info.Env(), "wrong number of constants");
    const Buffer b = buffer_of(info[next], t.dtype);
    const auto* bytes = static_cast<const std::byte*>(b.data);
    if (!fits(b, 0, t.dims)) gone(info.Env(), next - 1);
    p.constant_data.emplace_back(bytes, bytes + static_cast<std::size_t>(b.size) * size_of(t.dtype));
    ++next;
  }
}

Program read_program(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Words words(info[0]);
  words.integer(2, 2, "version");
  const Index count = words.integer(1, kMaxValues, "program count");
  std::vector<std::shared_ptr<const Program>> bodies;
  Program p;
  std::size_t next = 1;
  for (Index i = 0; i < count; ++i) {
    p = read_code(words, bodies);
    take_constants(info, p, next);
    if (const std::string why = check(p); !why.empty()) refuse(env, why);
    if (i + 1 < count) bodies.push_back(std::make_shared<const Program>(std::move(p)));
  }
  words.end();
  if (next != info.Length()) refuse(env, "wrong number of constants");
  p.plans = std::make_shared<Plans>();
  return p;
}

Run read_run(const Napi::CallbackInfo& info, const Program& program, Mode mode, std::vector<bool>& quiet) {
  constexpr std::size_t kFirst = 2;
  const Napi::Env env = info.Env();
  Words words(info[1]);
  Run run;
  run.collect = words.integer(0, 1, "flags") != 0;
  run.layout = static_cast<Layout>(words.integer(0, 2, "layout"));
  run.chunk = words.integer(0, Index{1} << 40, "chunk");
  run.threads = static_cast<int>(words.integer(0, 1 << 20, "threads"));
  run.batch = read_dims(words);
  for (std::size_t i = 0; i < program.inputs.size(); ++i) {
    std::vector<Index> strides(run.batch.size());
    for (Index& s : strides) s = words.integer(0, kMaxInteger, "stride");
    run.strides.push_back(std::move(strides));
  }
  run.sums.resize(program.outputs.size());
  for (std::size_t o = 0; o < run.sums.size(); ++o) run.sums[o] = words.integer(0, 1, "sum") != 0;
  if (mode == Mode::job) quiet = read_quiet(words, program.inputs.size());
  words.end();
  const std::size_t here = mode == Mode::now ? program.outputs.size() : 0;
  if (info.Length() != kFirst + program.inputs.size() + here) refuse(env, "wrong number of buffers");
  std::vector<Index> sizes;
  std::vector<Range> inputs, outputs;
  std::size_t next = kFirst;
  const auto read = [&](int id, std::vector<Range>& ranges) {
    const DType t = program.values[static_cast<std::size_t>(id)].dtype;
    const Buffer b = buffer_of(info[next++], t);
    sizes.push_back(b.size);
    ranges.push_back(range_of(b, t));
    return b.data;
  };
  for (const int id : program.inputs) {
    run.in.push_back(read(id, inputs));
    run.in_bytes.push_back(inputs.back().end - inputs.back().begin);
  }
  run.out.resize(program.outputs.size());
  for (std::size_t i = 0; i < here; ++i) run.out[i] = read(program.outputs[i], outputs);
  refuse_overlap(env, inputs, outputs);
  int small = -1;
  const std::string why = check(program, run, sizes, small);
  if (small >= 0) gone(env, static_cast<std::size_t>(small));
  if (!why.empty()) refuse(env, why);
  return run;
}

}  // namespace backsolve
