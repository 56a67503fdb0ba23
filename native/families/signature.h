// What a matrix kernel's signature makes of the shapes of its operands.
#pragma once
#include "../exec/shape.h"

namespace backsolve {

/// Where a signature's letters bind: letter[i][j] is the position in Call::dims of dimension j of operand i. Letters are numbered by first
/// appearance, or in the order given before a colon: "(m,m),(m,k)->(m,k)" has m = 0, k = 1; "mkn:(k,m),(k,n)->(m,n)" has m = 0, k = 1, n
/// = 2. "m^n" is a letter of its own that binds to the smaller of m and n, both of which come before it.
struct Signature {
  int letters = 0, operands = 0;
  int rank[kMaxOperands] = {};
  std::int8_t letter[kMaxOperands][4] = {};
  std::int8_t meet[kMaxDims][2] = {};  // the two letters of m^n; both 0 where a letter is plain
};

Signature parse_signature(const char* text);

struct Binding {
  Signature signature;
  Index dims[kMaxDims];  // of the letters
  int outer_rank = 0;    // leading dimensions, broadcast over the present operands
  Index outer[kMaxRank];
  Index outer_count = 1;
  /// Elements of one matrix operand.
  Index item_count(int operand) const;
};

/// Binds the letters and the leading dimensions of a matrix kernel. Returns null or what is wrong.
const char* bind(const Kernel& kernel, const double* attrs, const Shape* operands, Binding& binding);

/// Estimated operations of one matrix of a matrix kernel.
double matrix_flops(const Kernel& kernel, const Binding& binding);

}  // namespace backsolve
