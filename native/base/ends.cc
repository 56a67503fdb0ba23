#include "ends.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "lapack/lapack.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define BS_PARKS 1
#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <ucontext.h>

#include <cerrno>
#endif

namespace backsolve::ends {
namespace {

enum class State { resting, computing, parked };

struct Entry {
  pthread_t id = pthread_self();
  std::atomic<State> state{State::resting};
  std::atomic<bool> asked{false};  // to park: a signal is on its way
};

/// After so long without success nobody is parked any more, and exit() waits until all have left their chunk.
constexpr auto kPatience = std::chrono::seconds(5);

/// Leaked, as the threads themselves.
struct Registry {
  std::mutex mutex;
  std::vector<Entry*> threads;
};
Registry& registry() {
  static Registry* r = new Registry;
  return *r;
}

thread_local Entry* self = nullptr;
std::atomic<bool> exiting{false};
void (*abort_early)() = nullptr;

/// Whoever sets `exiting` and then reads states, and whoever sets its state and then reads `exiting`: one of them sees the other.
void become(State s) {
  if (self == nullptr) return;
  self->state.store(s);
  if (!exiting.load()) return;
  self->state.store(State::resting);
  for (;;) pause();
}

bool any(State s) {
  const std::lock_guard lock(registry().mutex);
  return std::any_of(registry().threads.begin(), registry().threads.end(), [s](const Entry* e) { return e->state.load() == s; });
}

#ifdef BS_PARKS
/// Not used by Node, V8 or the C library.
int park_signal() { return SIGRTMIN + 9; }

std::uintptr_t blas_begin = 0, blas_end = 0;  // the code of OpenBLAS
std::atomic<bool> parks{true};

/// Runs on a computing thread. It stays here if it is in OpenBLAS's code, where it holds neither a lock of ours nor one of the C library;
/// OpenBLAS's own lock main asks for afterwards.
void park(int, siginfo_t*, void* context) {
  if (self == nullptr) return;
  const int saved = errno;
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#ifdef __x86_64__
  const auto at = static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#else
  const auto at = static_cast<std::uintptr_t>(machine.pc);
#endif
  self->asked.store(false);
  if (parks.load() && at >= blas_begin && at < blas_end && self->state.load() == State::computing) {
    self->state.store(State::parked);
    while (self->state.load() == State::parked) poll(nullptr, 0, 1);
  }
  errno = saved;
}

/// Finds OpenBLAS's code by the address of a string of its own. Code that is part of the addon is not told from ours, which holds locks.
bool find_blas() {
  Dl_info blas, addon;
  if (dladdr(la::config(), &blas) == 0 || dladdr(reinterpret_cast<void*>(&find_blas), &addon) == 0) return false;
  if (blas.dli_fbase == addon.dli_fbase) return false;
  const auto visit = [](dl_phdr_info* info, std::size_t, void* base) {
    const auto first = reinterpret_cast<std::uintptr_t>(base);
    bool here = false;
    for (int i = 0; i < info->dlpi_phnum; ++i)
      here |= info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_addr + info->dlpi_phdr[i].p_vaddr == first;
    for (int i = 0; here && i < info->dlpi_phnum; ++i) {
      const auto& part = info->dlpi_phdr[i];
      if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
      blas_begin = info->dlpi_addr + part.p_vaddr;
      blas_end = blas_begin + part.p_memsz;
    }
    return here ? 1 : 0;
  };
  dl_iterate_phdr(visit, blas.dli_fbase);
  return blas_end > blas_begin;
}

class Parking {
 public:
  Parking() {
    struct sigaction now{};
    if (!find_blas() || sigaction(park_signal(), nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
    struct sigaction ours{};
    ours.sa_sigaction = park;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&ours.sa_mask);
    works_ = sigaction(park_signal(), &ours, nullptr) == 0;
  }
  /// Asks threads that compute to park where they are, if that is a good place.
  void ask() {
    if (!works_ || !parks.load() || la::num_threads() > 1) return;  // OpenBLAS's own threads would wait for a parked one
    const std::lock_guard lock(registry().mutex);
    for (Entry* e : registry().threads) {
      if (e->state.load() == State::computing && !e->asked.exchange(true)) pthread_kill(e->id, park_signal());
    }
  }
  /// Whether OpenBLAS's destructor will get the lock that guards its buffers: a call that takes it returns.
  bool lock_is_free() {
    running_.store(true);
    try {
      std::thread([this] {
        double one = 1;
        la::fortran::potrf<double>('U', 1, &one, 1);
        running_.store(false);
      }).detach();
    } catch (const std::system_error&) {
      running_.store(false);
      return false;
    }
    for (int i = 0; i < 1000 && running_.load(); ++i) std::this_thread::sleep_for(std::chrono::microseconds(50));
    return !running_.load();
  }
  /// Lets all that are parked go on, and the call above end.
  void release() {
    {
      const std::lock_guard lock(registry().mutex);
      for (Entry* e : registry().threads) {
        State parked = State::parked;
        e->state.compare_exchange_strong(parked, State::computing);
      }
    }
    while (running_.load()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  void give_up() {
    parks.store(false);
    release();
  }

 private:
  bool works_ = false;
  std::atomic<bool> running_{false};
};
#else
/// Elsewhere exit() waits until all that compute have ended their chunk.
class Parking {
 public:
  void ask() {}
  bool lock_is_free() { return true; }
  void release() {}
  void give_up() {}
};
#endif

/// The handler. A thread that is in no good place leaves its chunk soon, or is asked again.
void stop() {
  exiting.store(true);
  abort_early();
  static Parking* parking = new Parking;  // leaked: the thread in lock_is_free may still end in it
  const auto start = std::chrono::steady_clock::now();
  for (bool patient = true;;) {
    if (!any(State::computing)) {
      if (!any(State::parked) || parking->lock_is_free()) return;
      parking->release();
    }
    if (patient && std::chrono::steady_clock::now() - start > kPatience) {
      parking->give_up();
      patient = false;
    }
    parking->ask();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

Thread::Thread() {
  self = new Entry;
#ifdef BS_PARKS
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, park_signal());
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
#endif
  const std::lock_guard lock(registry().mutex);
  registry().threads.push_back(self);
}

Thread::~Thread() {
  {
    const std::lock_guard lock(registry().mutex);
    std::erase(registry().threads, self);
  }
  delete self;
  self = nullptr;
}

Computing::Computing() { become(State::computing); }
Computing::~Computing() { become(State::resting); }
Waiting::Waiting() { become(State::resting); }
Waiting::~Waiting() { become(State::computing); }

void guard_exit(void (*abort)()) {
  abort_early = abort;
  std::atexit(stop);
}

}  // namespace backsolve::ends
