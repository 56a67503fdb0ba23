// The C library's heap, in which JavaScript's arrays lie: pages of large ones stay mapped from one to the next. docs/memory.md,
// docs/adr/0020-warm-pages.md
#pragma once
#include <cstddef>
#include <string>

namespace backsolve::heap {

/// What BACKSOLVE_MALLOC says: "tuned" or "system". False for anything else.
bool choose(const std::string& wanted);
/// Raises malloc's thresholds, once for the process, unless somebody else has a say: up to `most` bytes stay mapped where the heap ends.
void tune(std::size_t most);
/// "tuned", or why it is not.
const char* state();
/// While it holds, arrays that are too large for malloc's own threshold come from the heap, too.
void hold(bool holds);
/// Somebody in this process takes large arrays.
void used();
/// Gives all free pages back to the system, unless large arrays were taken a moment ago: then false.
bool trim();

}  // namespace backsolve::heap
