#include "pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

#include "ends.h"
#include "lapack.h"

namespace backsolve::pool {
namespace {

constexpr int kMaxThreads = 1024;

int default_size() {
  if (const char* text = std::getenv("BACKSOLVE_THREADS")) {
    const int n = std::atoi(text);
    if (n >= 1) return std::min(n, kMaxThreads);
  }
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
}

using Body = std::function<void(Index, int)>;

/// Lives on the stack of its caller, who leaves only when no helper is inside.
struct Job {
  const Body& body;
  const Index chunks;
  const int helpers_wanted;
  std::atomic<Index> next{0};
  int joined = 0, inside = 0;  // under Pool::mutex
  std::condition_variable left;

  void work(int thread) {
    for (Index i; (i = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) body(i, thread);
  }
  bool open() const { return joined < helpers_wanted && next.load(std::memory_order_relaxed) < chunks; }

  Job* after = nullptr;  // the list of jobs that want helpers
};

struct Pool {
  std::mutex mutex;
  std::condition_variable wake;
  Job* jobs = nullptr;
  int workers = 0;
  std::atomic<int> size{default_size()};

  /// With fewer threads than wanted the work is still done.
  void spawn(int wanted) {
    while (workers < wanted) {
      try {
        std::thread([this] { run(); }).detach();
      } catch (const std::system_error&) {
        return;
      }
      ++workers;
    }
  }
  void run() {
    const ends::Thread known;
    std::unique_lock lock(mutex);
    while (workers < size) {
      Job* job = jobs;
      while (job != nullptr && !job->open()) job = job->after;
      if (job == nullptr) {
        wake.wait(lock);
        continue;
      }
      const int thread = ++job->joined;
      ++job->inside;
      lock.unlock();
      {
        const ends::Computing now;
        job->work(thread);
      }
      lock.lock();
      if (--job->inside == 0) job->left.notify_one();
    }
    --workers;
  }
  void remove(Job* job) {
    Job** at = &jobs;
    while (*at != job) at = &(*at)->after;
    *at = job->after;
  }
};

/// Leaked: workers sleep in it until the process ends, static destructors included.
Pool& the_pool() {
  static Pool* pool = new Pool;
  return *pool;
}

/// Readers and writers, where a waiting writer goes first: else a stream of small jobs would starve one large matrix.
class Gate {
 public:
  void enter(bool alone) {
    {
      const std::lock_guard lock(mutex_);
      if (!alone && !alone_ && waiting_ == 0) {
        ++inside_;
        return;
      }
    }
    const ends::Waiting now;  // for one that may be parked
    std::unique_lock lock(mutex_);
    if (alone) {
      ++waiting_;
      changed_.wait(lock, [&] { return !alone_ && inside_ == 0; });
      --waiting_;
      alone_ = true;
    } else {
      changed_.wait(lock, [&] { return !alone_ && waiting_ == 0; });
      ++inside_;
    }
  }
  void leave(bool alone) {
    bool wake;
    {
      std::lock_guard lock(mutex_);
      if (alone) {
        alone_ = false;
      } else {
        --inside_;
      }
      wake = inside_ == 0;
    }
    if (wake) changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0, waiting_ = 0;
  bool alone_ = false;
};
Gate& gate() {
  static Gate* g = new Gate;
  return *g;
}

/// Debian's sequential OpenBLAS shares its buffers between threads without a lock.
bool serial_blas() {
  static const bool serial = la::parallel() == 0;
  return serial;
}

[[maybe_unused]] const bool kOneThreadFromTheStart = [] {
  la::set_num_threads(1);
  return true;
}();

}  // namespace

int size() { return the_pool().size.load(std::memory_order_relaxed); }

void resize(int threads) {
  Pool& pool = the_pool();
  {
    std::lock_guard lock(pool.mutex);
    pool.size = std::clamp(threads, 1, kMaxThreads);
  }
  pool.wake.notify_all();  // workers beyond the new size end
}

void parallel(Index chunks, int threads, const Body& body) {
  Pool& pool = the_pool();
  const int most = std::min(threads > 0 ? threads : kMaxThreads, size());
  const int helpers = static_cast<int>(std::min<Index>(most, chunks)) - 1;
  Job job{.body = body, .chunks = chunks, .helpers_wanted = helpers, .left = {}};
  if (helpers <= 0) return job.work(0);
  {
    std::lock_guard lock(pool.mutex);
    pool.spawn(pool.size - 1);
    job.after = pool.jobs;
    pool.jobs = &job;
  }
  for (int i = 0; i < helpers; ++i) pool.wake.notify_one();
  job.work(0);
  const ends::Waiting now;
  std::unique_lock lock(pool.mutex);
  pool.remove(&job);
  job.left.wait(lock, [&] { return job.inside == 0; });
}

BlasLock::BlasLock(Kind kind) : kind_(kind) {
  gate().enter(kind == Kind::big || serial_blas());
  if (kind == Kind::big && size() > 1) la::set_num_threads(size());
}

BlasLock::~BlasLock() {
  if (kind_ == Kind::big) la::set_num_threads(1);
  gate().leave(kind_ == Kind::big || serial_blas());
}

}  // namespace backsolve::pool
