// Pages straight from the system, for memory that is large: malloc keeps large blocks that were freed, and maps blocks anew that the next
// call wants again. What is done with waits, mapped, for the next who wants as much. docs/memory.md
#pragma once
#include <cstddef>

namespace backsolve::mappings {

/// At least so many bytes, of undefined contents, from the start of a page. Throws std::bad_alloc.
void* take(std::size_t bytes);
/// The same, if one waits; else null.
void* waiting(std::size_t bytes);
/// Of a mapping that `take` gave, or of any other of so many bytes: nobody uses it now.
void rest(void* mapping, std::size_t bytes);
/// From now on so many bytes may wait, in all; what is more goes back to the system.
void keep(std::size_t most);
/// Gives back what waits.
void trim();
/// Whether a mapping was put to rest since this was asked before: somebody is to look whether it is wanted again.
bool rested();

}  // namespace backsolve::mappings
