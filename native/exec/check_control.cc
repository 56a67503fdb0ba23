// Instructions with bodies, as the rest of a descriptor: nothing is believed.
#include <algorithm>

#include "check.h"

namespace backsolve {
namespace {

constexpr Index kMaxLength = Index{1} << 31;

bool same(const Type& a, const Type& b) { return a.dtype == b.dtype && a.dims == b.dims; }

class ControlCheck {
 public:
  ControlCheck(const Program& p, const Instruction& code) : p_(p), code_(code), k_(*code.control) {}

  std::string run() const {
    const std::size_t bodies = k_.kind == Control::Kind::loop ? 1 : 2;
    if (k_.bodies.size() != bodies || std::any_of(k_.bodies.begin(), k_.bodies.end(), [](const auto& b) { return b == nullptr; }))
      return "wrong number of bodies";
    switch (k_.kind) {
      case Control::Kind::loop:
        return loop();
      case Control::Kind::cond:
        return cond();
      case Control::Kind::repeat:
        return repeat();
    }
    return "unknown control";
  }

 private:
  const Program& p_;
  const Instruction& code_;
  const Control& k_;

  const Type& type(int v) const { return p_.values[static_cast<std::size_t>(v)]; }
  static const Type& input(const Program& body, std::size_t i) { return body.values[static_cast<std::size_t>(body.inputs[i])]; }
  static const Type& output(const Program& body, std::size_t i) { return body.values[static_cast<std::size_t>(body.outputs[i])]; }
  static bool is_truth(const Type& t) { return t.dtype == DType::b8 && t.dims.empty(); }
  bool stacked(const Type& whole, const Type& element) const {
    return whole.dtype == element.dtype && whole.dims.size() == element.dims.size() + 1 && whole.dims[0] == k_.length &&
           std::equal(element.dims.begin(), element.dims.end(), whole.dims.begin() + 1);
  }
  bool outputs_are(std::size_t o, const Type& t) const { return code_.out[o] < 0 || same(type(code_.out[o]), t); }

  std::string loop() const {
    const Program& body = *k_.bodies[0];
    if (k_.length < 0 || k_.length > kMaxLength) return "bad length";
    if (k_.carries > code_.in.size() || k_.mapped > code_.in.size() - k_.carries) return "wrong number of inputs";
    if (body.inputs.size() != code_.in.size()) return "a body with other inputs";
    if (body.outputs.size() != code_.out.size() || code_.out.size() != k_.carries + k_.sums.size()) return "wrong number of outputs";
    for (std::size_t i = 0; i < code_.in.size(); ++i) {
      const bool mapped = i >= k_.carries && i < k_.carries + k_.mapped;
      const Type &outside = type(code_.in[i]), &inside = input(body, i);
      if (mapped ? !stacked(outside, inside) : !same(outside, inside)) return "an input of another type than the body's";
      if (i < k_.carries && !same(outside, output(body, i))) return "a carry that changes its type";
    }
    for (std::size_t o = 0; o < code_.out.size(); ++o) {
      const Type& inside = output(body, o);
      const bool sum = o >= k_.carries && k_.sums[o - k_.carries], plain = o < k_.carries || sum;
      if (sum && static_cast<int>(inside.dtype) >= kFloatTypes) return "a sum of no floats";
      if (plain ? !outputs_are(o, inside) : code_.out[o] >= 0 && !stacked(type(code_.out[o]), inside))
        return "an output of another type than the body's";
    }
    return "";
  }

  /// Bodies that get the inputs from `first` on.
  bool takes(const Program& body, std::size_t first) const {
    if (body.inputs.size() != code_.in.size() - first) return false;
    for (std::size_t i = 0; i < body.inputs.size(); ++i) {
      if (!same(input(body, i), type(code_.in[first + i]))) return false;
    }
    return true;
  }

  std::string cond() const {
    if (code_.in.empty() || !is_truth(type(code_.in[0]))) return "no truth value";
    const Program &then = *k_.bodies[0], &otherwise = *k_.bodies[1];
    if (!takes(then, 1) || !takes(otherwise, 1)) return "a body with other inputs";
    if (then.outputs.size() != code_.out.size() || otherwise.outputs.size() != code_.out.size()) return "wrong number of outputs";
    for (std::size_t o = 0; o < code_.out.size(); ++o) {
      if (!same(output(then, o), output(otherwise, o)) || !outputs_are(o, output(then, o)))
        return "an output of another type than the body's";
    }
    return "";
  }

  std::string repeat() const {
    const Program &test = *k_.bodies[0], &body = *k_.bodies[1];
    if (k_.length < 0) return "bad number of steps";
    if (!takes(test, 0) || !takes(body, 0)) return "a body with other inputs";
    if (test.outputs.size() != 1 || !is_truth(output(test, 0))) return "no truth value";
    if (k_.carries > code_.in.size() || body.outputs.size() != k_.carries || code_.out.size() != k_.carries)
      return "wrong number of outputs";
    for (std::size_t i = 0; i < k_.carries; ++i) {
      if (!same(type(code_.in[i]), output(body, i))) return "a carry that changes its type";
      if (!outputs_are(i, output(body, i))) return "an output of another type than the body's";
    }
    return "";
  }
};

}  // namespace

std::string check_control(const Program& p, const Instruction& code) { return ControlCheck(p, code).run(); }

}  // namespace backsolve
