// How many processors this process may use.
#pragma once
#include <string>

namespace backsolve {

struct Processors {
  int count;         // at least 1
  const char* from;  // what limits it: "hardware", "affinity" or "quota"
};
/// The least of the hardware's threads, the affinity mask and the CPU quotas of the process's cgroups.
Processors usable_processors();

/// What the quotas of this process's cgroups and of their ancestors, of version 1 and 2, allow, rounded up; 0: anything. `root` stands
/// before /proc and /sys.
int cpu_quota(const std::string& root);

}  // namespace backsolve
