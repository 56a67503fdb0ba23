#include "processors.h"

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace backsolve {
namespace {

/// Processors in the affinity mask, which may be longer than cpu_set_t; 0 where there is none.
int affinity() {
#ifdef __linux__
  for (int most = CPU_SETSIZE; most <= 1 << 16; most *= 2) {
    std::vector<cpu_set_t> mask(CPU_ALLOC_SIZE(most) / sizeof(cpu_set_t));
    const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) return CPU_COUNT_S(bytes, mask.data());
  }
#endif
  return 0;
}

/// quota / period of one cgroup, infinite without a limit. cpu.max: "50000 100000" or "max 100000".
double quota_of(const std::string& folder, bool unified) {
  double quota = -1, period = 0;
  if (unified) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : INFINITY;
}

bool has_word(const std::string& list, const std::string& word) { return ("," + list + ",").find("," + word + ",") != std::string::npos; }

/// The path of this process in the hierarchy that limits processors: "0::/path" (2), "4:cpu,cpuacct:/path" (1). "" if it is in none.
std::string path_in(const std::string& root, bool unified) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::string number, controllers, path;
  while (std::getline(file, number, ':') && std::getline(file, controllers, ':') && std::getline(file, path)) {
    if (unified ? number == "0" && controllers.empty() : has_word(controllers, "cpu")) return path;
  }
  return "";
}

/// The least of a hierarchy's quotas from the process's cgroup up to where the hierarchy is mounted. A line of mountinfo:
/// "id parent device root-of-the-mount mount-point options... - type source options" (proc_pid_mountinfo(5)).
double quota_in(const std::string& root, bool unified) {
  const std::string path = path_in(root, unified);
  std::ifstream file(root + "/proc/self/mountinfo");
  std::string line;
  while (!path.empty() && std::getline(file, line)) {
    std::istringstream words(line);
    std::string skipped, top, point, type, source, options;
    words >> skipped >> skipped >> skipped >> top >> point;
    while (words >> skipped && skipped != "-") {
    }
    words >> type >> source >> options;
    if (unified ? type != "cgroup2" : type != "cgroup" || !has_word(options, "cpu")) continue;
    if (top == "/") top.clear();
    // A path outside of what is mounted here: the mount's own top is all there is to see.
    std::string below = path.starts_with(top + "/") ? path.substr(top.size()) : "";
    double least = quota_of(root + point, unified);
    for (; below.size() > 1; below.erase(below.rfind('/'))) least = std::min(least, quota_of(root + point + below, unified));
    return least;
  }
  return INFINITY;
}

}  // namespace

int cpu_quota(const std::string& root) {
  const double least = std::min(quota_in(root, true), quota_in(root, false));
  return std::isfinite(least) ? static_cast<int>(std::clamp(std::ceil(least), 1.0, 1e6)) : 0;
}

Processors usable_processors() {
  Processors p{std::max(static_cast<int>(std::thread::hardware_concurrency()), 1), "hardware"};
  const auto at_most = [&](int count, const char* from) {
    if (count > 0 && count < p.count) p = {count, from};
  };
  at_most(affinity(), "affinity");
  at_most(cpu_quota(""), "quota");
  return p;
}

}  // namespace backsolve
