// How kernels for one matrix say what their operands are.
#pragma once
#include <initializer_list>
#include <stdexcept>

#include "../base/view.h"

namespace backsolve {

/// "T(m,m) T(m,k) -> T(m,k) T?(m,m) I?(m)": a port per operand, a question mark where it may be absent, its dimensions. Letters are
/// numbered by first appearance, which is the order of Call::dims. "m^n" is a letter of its own, the smaller of m and n, both of which come
/// before it. Where the dimensions depend on attributes: one text for each value of `form`, numbered as in the first.
struct Text {
  static constexpr int kForms = 4;
  const char* text[kForms] = {};
  int forms = 0;
  int (*form)(const double* attrs) = nullptr;

  constexpr Text() = default;
  constexpr Text(const char* only) : text{only}, forms(1) {}
  constexpr Text(int (*by)(const double* attrs), std::initializer_list<const char*> texts) : form(by) {
    for (const char* t : texts) text[forms++] = t;
  }
};

/// Letters by number: a character, or 256 times the second plus the first of m^n.
struct Letters {
  int count = 0;
  int name[kMaxDims] = {};
  constexpr std::int8_t number(int c) {
    int i = 0;
    while (i < count && name[i] != c) ++i;
    if (i == kMaxDims) throw std::logic_error("too many letters");
    if (i == count) name[count++] = c;
    return static_cast<std::int8_t>(i);
  }
};

/// Where letters bind: letter[i][j] is the position in Call::dims of dimension j of operand i.
struct Signature {
  Letters names;
  int operands = 0;
  int rank[kMaxOperands] = {};
  std::int8_t letter[kMaxOperands][4] = {};
  std::int8_t meet[kMaxDims][2] = {};  // the two letters of m^n; both 0 where a letter is plain

  int letters() const { return names.count; }

  /// "(m,n)" of the next operand, from its bracket on; returns where it closes.
  constexpr const char* read_dims(const char* t, Letters& known) {
    if (*t != '(') throw std::logic_error("a port is followed by dimensions in brackets");
    for (++t; *t != ')'; ++t) {
      if (*t == ',') continue;
      if (*t < 'a' || *t > 'z') throw std::logic_error("a dimension is a letter");
      if (rank[operands] == 4) throw std::logic_error("too many dimensions");
      std::int8_t at = known.number(*t);
      if (t[1] == '^') {
        const std::int8_t a = at, b = known.number(t[2]);
        at = known.number(256 * t[2] + *t);
        meet[at][0] = a, meet[at][1] = b;
        t += 2;
      }
      letter[operands][rank[operands]++] = at;
    }
    return t;
  }
};

}  // namespace backsolve
