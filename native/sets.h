// Instruction sets: those that this build holds (BS_HAVE_..., from native/sets.json) and this processor runs.
#pragma once
#include <span>
#include <string_view>

#include "lanes/lanes.h"

namespace backsolve {

/// The tables of this processor, richest last; isa() is the chosen one, at first the richest.
const LanesTable& isa();
std::span<const LanesTable* const> isas();
/// All that this build holds, by name.
std::span<const char* const> compiled_isas();
/// Chooses by name; false if this processor or build lacks it.
bool choose_isa(std::string_view name);

}  // namespace backsolve
