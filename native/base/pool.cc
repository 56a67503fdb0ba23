#include "pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "ends.h"
#include "processors.h"

namespace backsolve::pool {
namespace {

using Body = std::function<void(Index)>;

/// Lives on the stack of its caller, who leaves only when no helper is inside.
struct Job {
  const Body& body;
  const std::function<void()>& after;
  const Index chunks;
  const int helpers_wanted;
  std::atomic<Index> next{0};
  std::atomic<bool> threw{false};
  std::exception_ptr thrown;   // of the one that set threw
  int joined = 0, inside = 0;  // under Pool::mutex
  std::condition_variable left;

  void work() {
    try {
      for (Index i; (i = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) body(i);
    } catch (...) {
      next.store(chunks, std::memory_order_relaxed);
      if (!threw.exchange(true)) thrown = std::current_exception();
    }
    if (after) after();
  }
  bool open() const { return joined < helpers_wanted && next.load(std::memory_order_relaxed) < chunks; }

  Job* next_job = nullptr;  // the list of jobs that want helpers
};

struct Pool {
  std::mutex mutex;
  std::condition_variable wake;
  Job* jobs = nullptr;
  int workers = 0;
  std::atomic<int> size;
  std::atomic<const char*> from;

  Pool() {
    const Processors p = usable_processors();
    size = std::min(p.count, kMaxThreads);
    from = p.from;
  }

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
      while (job != nullptr && !job->open()) job = job->next_job;
      if (job == nullptr) {
        wake.wait(lock);
        continue;
      }
      ++job->joined;
      ++job->inside;
      lock.unlock();
      {
        const ends::Computing now;
        job->work();
      }
      lock.lock();
      if (--job->inside == 0) job->left.notify_one();
    }
    --workers;
  }
  void remove(Job* job) {
    Job** at = &jobs;
    while (*at != job) at = &(*at)->next_job;
    *at = job->next_job;
  }
};

/// Leaked: workers sleep in it until the process ends, static destructors included.
Pool& the_pool() {
  static Pool* pool = new Pool;
  return *pool;
}

thread_local int limit = 0;

}  // namespace

Limit::Limit(int most) : before_(limit) { limit = most; }
Limit::~Limit() { limit = before_; }

int size() { return the_pool().size.load(std::memory_order_relaxed); }

const char* size_from() { return the_pool().from.load(std::memory_order_relaxed); }

void resize(int threads, const char* from) {
  Pool& pool = the_pool();
  {
    std::lock_guard lock(pool.mutex);
    pool.size = std::clamp(threads, 1, kMaxThreads);
    pool.from = from;
  }
  pool.wake.notify_all();  // workers beyond the new size end
}

void parallel(Index chunks, int threads, const Body& body, const std::function<void()>& after) {
  if (chunks == 1) {  // most small calls: no need of a Job, which has a condition to wait for
    const struct AtEnd {
      const std::function<void()>& call;
      ~AtEnd() {
        if (call) call();
      }
    } at_end{after};
    return body(0);
  }
  Pool& pool = the_pool();
  const int most = std::min({threads > 0 ? threads : kMaxThreads, limit > 0 ? limit : kMaxThreads, size()});
  const int helpers = static_cast<int>(std::min<Index>(most, chunks)) - 1;
  Job job{.body = body, .after = after, .chunks = chunks, .helpers_wanted = helpers, .thrown = {}, .left = {}};
  if (helpers <= 0) {
    job.work();
  } else {
    {
      std::lock_guard lock(pool.mutex);
      pool.spawn(pool.size - 1);
      job.next_job = pool.jobs;
      pool.jobs = &job;
    }
    for (int i = 0; i < helpers; ++i) pool.wake.notify_one();
    job.work();
    const ends::Waiting now;
    std::unique_lock lock(pool.mutex);
    pool.remove(&job);
    job.left.wait(lock, [&] { return job.inside == 0; });
  }
  if (job.threw.load()) std::rethrow_exception(job.thrown);
}

}  // namespace backsolve::pool
