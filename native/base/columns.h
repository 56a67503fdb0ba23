// Block columns of one factorisation over the pool, each behind the one before it.
#pragma once
#include <functional>

#include "view.h"

namespace backsolve::pool {

constexpr Index kMostColumns = 256;

/// panel(k) for k = 0..count-1, each when all panels before it have been taken from column k, in order, by update(panel, k). Column c is
/// all that update(.., c) and panel(c) write, so that one thread may be a panel ahead of those that still update the columns behind it
/// (look-ahead: Kurzak and Dongarra 2007). What is called for a column is in one order, whatever the threads. count <= kMostColumns.
void columns(Index count, const std::function<void(Index panel)>& panel, const std::function<void(Index panel, Index column)>& update);

}  // namespace backsolve::pool
