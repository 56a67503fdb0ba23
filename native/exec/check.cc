// Descriptors come from JavaScript: nothing in them is believed before it was checked here.
#include "check.h"

#include <algorithm>
#include <array>

#include "shape.h"

namespace backsolve {
namespace {

/// Sums of the sizes of all values stay far from overflow, in any layout.
constexpr Index kMaxProgramBytes = Index{1} << 50;
constexpr Index kMaxItems = Index{1} << 50;
constexpr Index kMaxCount = Index{1} << 20;  // instructions of a program, or values

/// With its bodies, as often as they are named.
void measure(Program& p) {
  const auto add = [](Index& sum, Index x) { sum = std::min(sum + x, 2 * kMaxProgramBytes); };
  p.sites = static_cast<Index>(p.code.size());
  p.all_values = static_cast<Index>(p.values.size());
  p.bytes = p.depth = p.nesting = 0;
  for (const Instruction& code : p.code) {
    if (code.control == nullptr) continue;
    const int loops = code.control->kind == Control::Kind::cond ? 0 : 1;
    for (const auto& body : code.control->bodies) {
      add(p.sites, body->sites);
      add(p.all_values, body->all_values);
      add(p.bytes, body->bytes);
      p.depth = std::max(p.depth, body->depth + loops);
      p.nesting = std::max(p.nesting, body->nesting + 1);
    }
  }
}

std::string check_values(Program& p) {
  measure(p);
  if (p.nesting > kMaxDepth) return "bodies in bodies too deep";
  if (p.all_values > kMaxCount || p.sites > kMaxCount) return "program too long";
  for (const Type& t : p.values) {
    if (static_cast<int>(t.dtype) > static_cast<int>(DType::i32)) return "bad dtype";
    if (t.dims.size() > kMaxRank) return "rank too large";
    if (checked_count(t.dims.data(), static_cast<int>(t.dims.size())) < 0) return "value too large";
    Index bytes = static_cast<Index>(size_of(t.dtype));
    for (const Index n : t.dims) bytes *= std::max<Index>(n, 1);
    p.bytes += bytes;
    if (p.bytes > kMaxProgramBytes) return "program too large";
  }
  return p.bytes > kMaxProgramBytes ? "program too large" : "";
}

class ProgramCheck {
 public:
  explicit ProgramCheck(Program& p) : p_(p), defined_(p.values.size(), false) {}

  std::string run() {
    if (std::string wrong = check_values(p_); !wrong.empty()) return wrong;
    for (const int v : p_.inputs) {
      if (!define(v)) return "bad input id";
    }
    if (p_.constant_data.size() != p_.constants.size()) return "constants without data";
    for (std::size_t i = 0; i < p_.constants.size(); ++i) {
      if (!define(p_.constants[i])) return "bad constant id";
      const Type& t = p_.values[static_cast<std::size_t>(p_.constants[i])];
      const auto count = static_cast<std::size_t>(count_of(t.dims.data(), static_cast<int>(t.dims.size())));
      if (p_.constant_data[i].size() != count * size_of(t.dtype)) return "constant of the wrong size";
    }
    for (std::size_t i = 0; i < p_.code.size(); ++i) {
      if (std::string wrong = instruction(p_.code[i]); !wrong.empty()) return "instruction " + std::to_string(i) + ": " + wrong;
    }
    for (const int v : p_.outputs) {
      if (!known(v)) return "bad output id";
    }
    return "";
  }

 private:
  Program& p_;
  std::vector<bool> defined_;

  bool in_range(int v) const { return v >= 0 && static_cast<std::size_t>(v) < p_.values.size(); }
  bool known(int v) const { return in_range(v) && defined_[static_cast<std::size_t>(v)]; }
  bool define(int v) {
    if (!in_range(v) || known(v)) return false;
    defined_[static_cast<std::size_t>(v)] = true;
    return true;
  }
  Shape shape(int v, DType column) const {
    if (v < 0) return {false, column, nullptr, 0};
    const Type& t = p_.values[static_cast<std::size_t>(v)];
    return {true, t.dtype, t.dims.data(), static_cast<int>(t.dims.size())};
  }

  std::string instruction(const Instruction& code) { return code.control == nullptr ? call(code) : control(code); }

  std::string control(const Instruction& code) {
    for (const int v : code.in) {
      if (!known(v)) return "input used before it is defined";
    }
    for (const int v : code.out) {
      if (v != -1 && !define(v)) return "output defined twice";
    }
    return check_control(p_, code);
  }

  std::string call(const Instruction& code) {
    if (code.kernel < 0 || static_cast<std::size_t>(code.kernel) >= kernels().size()) return "unknown kernel";
    const Kernel& k = kernels()[static_cast<std::size_t>(code.kernel)];
    if (code.out.size() != static_cast<std::size_t>(k.outputs)) return "wrong number of outputs";
    if (k.inputs_of(code.in.size() + code.out.size()) < 0) return "wrong number of inputs";
    std::array<Shape, kMaxOperands> shapes{};
    std::size_t n = 0;
    for (const int v : code.in) {
      if (v != -1 && !known(v)) return "input used before it is defined";
      shapes[n++] = shape(v, code.column);
    }
    for (const int v : code.out) {
      if (v != -1 && !define(v)) return "output defined twice";
      shapes[n++] = shape(v, code.column);
    }
    const char* wrong = check_kernel(k, code.column, code.attrs, {shapes.data(), n});
    return wrong == nullptr ? "" : wrong;
  }
};

/// Elements an input touches, or -1 where that overflows.
Index reach(const std::vector<Index>& batch, const std::vector<Index>& strides, Index count) {
  Index top = count;
  for (std::size_t d = 0; d < batch.size(); ++d) {
    Index step;
    if (strides[d] < 0 || __builtin_mul_overflow(batch[d] - 1, strides[d], &step) || __builtin_add_overflow(top, step, &top)) return -1;
  }
  return top;
}

}  // namespace

std::string check(Program& program) { return ProgramCheck(program).run(); }

std::string check(const Program& program, const Run& run, const std::vector<Index>& sizes, int& small) {
  const bool outputs = sizes.size() > run.in.size();
  if (run.in.size() != program.inputs.size() || run.strides.size() != program.inputs.size()) return "wrong number of inputs";
  if (run.out.size() != program.outputs.size()) return "wrong number of outputs";
  if (sizes.size() != run.in.size() + (outputs ? run.out.size() : 0)) return "wrong number of sizes";
  if (run.sums.size() > run.out.size()) return "wrong number of sums";
  if (run.batch.size() > kMaxRank) return "too many batch dimensions";
  if (run.chunk < 0 || run.threads < 0) return "bad chunk or threads";
  const Index items = checked_count(run.batch.data(), static_cast<int>(run.batch.size()));
  if (items < 0) return "batch too large";
  const auto count = [&](int v) {
    const Type& t = program.values[static_cast<std::size_t>(v)];
    return count_of(t.dims.data(), static_cast<int>(t.dims.size()));
  };
  for (std::size_t i = 0; i < run.in.size(); ++i) {
    if (run.strides[i].size() != run.batch.size()) return "wrong number of strides";
    const Index n = count(program.inputs[i]);
    if (items == 0 || n == 0) continue;
    const Index needed = reach(run.batch, run.strides[i], n);
    if (needed >= 0 && needed <= sizes[i] && run.in[i] != nullptr) continue;
    small = static_cast<int>(i);
    return "an input is too small";
  }
  for (std::size_t o = 0; o < run.out.size(); ++o) {
    Index needed;
    const bool summed = run.summed(o);
    if (summed && static_cast<int>(program.values[static_cast<std::size_t>(program.outputs[o])].dtype) >= kFloatTypes)
      return "a sum of no floats";
    if (__builtin_mul_overflow(summed ? 1 : items, count(program.outputs[o]), &needed) || needed > kMaxItems) return "output too large";
    if (needed == 0 || !outputs || (needed <= sizes[run.in.size() + o] && run.out[o] != nullptr)) continue;
    small = static_cast<int>(run.in.size() + o);
    return "an output is too small";
  }
  return "";
}

std::string check(const Eager& eager, std::size_t here) {
  if (eager.kernel < 0 || static_cast<std::size_t>(eager.kernel) >= kernels().size()) return "unknown kernel";
  const Kernel& k = kernels()[static_cast<std::size_t>(eager.kernel)];
  if (eager.operands.size() > kMaxOperands) return "too many operands";
  std::array<Shape, kMaxOperands> shapes{};
  for (std::size_t i = 0; i < eager.operands.size(); ++i) {
    const Operand& o = eager.operands[i];
    shapes[i] = {o.present, o.dtype, o.dims.data(), static_cast<int>(o.dims.size())};
  }
  if (const char* wrong = check_kernel(k, eager.column, eager.attrs, {shapes.data(), eager.operands.size()})) return wrong;
  for (std::size_t i = 0; i < here; ++i) {
    const Operand& o = eager.operands[i];
    if (!o.present) continue;
    const Index count = count_of(o.dims.data(), static_cast<int>(o.dims.size()));
    if (o.size < 0 || o.offset < 0 || o.offset > o.size || count > o.size - o.offset) return "a buffer is too small";
    if (count > 0 && o.data == nullptr) return "a buffer is missing";
  }
  return "";
}

}  // namespace backsolve
