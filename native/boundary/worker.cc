#include "worker.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "../base/ends.h"

namespace backsolve {

/// A few threads for the whole process that take jobs in turn; each job widens over the pool by itself. Leaked: they may sleep when the
/// process ends.
class Runners {
 public:
  static Runners& get() {
    static Runners* runners = new Runners;
    return *runners;
  }
  void submit(std::shared_ptr<Job> job) {
    const std::lock_guard lock(mutex_);
    if (!enough_threads() && threads_ == 0) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    Job& j = *job;
    j.place = queue_.insert(queue_.end(), std::move(job));
    j.queued = true;
    wake_.notify_one();
  }
  bool withdraw(Job& job) {
    std::shared_ptr<Job> last;  // freed after the lock
    const std::lock_guard lock(mutex_);
    if (!job.queued) return false;
    job.queued = false;
    last = std::move(*job.place);
    queue_.erase(job.place);
    return true;
  }
  void discard(Memory memory) {
    const std::lock_guard lock(mutex_);
    if (!enough_threads() && threads_ == 0) return;
    waste_.push_back(std::move(memory));
    wake_.notify_one();
  }

 private:
  static constexpr int kThreads = 4;
  Runners() {
    running_.reserve(kThreads);
    // process.exit() on the main thread runs no cleanup hooks.
    ends::guard_exit([] { get().abort(); });
  }
  /// Starts a thread unless one is idle or there are as many as there may be. Threads woken for earlier jobs count as idle until they run:
  /// compare with all that waits.
  bool enough_threads() {
    if (idle_ > queue_.size() + waste_.size() || threads_ == kThreads) return true;
    try {
      std::thread([this] { loop(); }).detach();
    } catch (const std::system_error&) {
      return false;
    }
    ++threads_;
    return true;
  }
  void abort() {
    const std::lock_guard lock(mutex_);
    for (Job* job : running_) job->abort.store(true);
  }
  void loop() {
    const ends::Thread known;
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !queue_.empty() || !waste_.empty(); });
      --idle_;
      if (!waste_.empty()) {
        std::vector<Memory> waste = std::move(waste_);
        waste_.clear();
        lock.unlock();
        waste.clear();
        lock.lock();
        continue;
      }
      std::shared_ptr<Job> job = std::move(queue_.front());
      queue_.pop_front();
      job->queued = false;
      running_.push_back(job.get());
      lock.unlock();
      {
        const ends::Computing now;
        job->compute();
      }
      lock.lock();
      running_.erase(std::find(running_.begin(), running_.end(), job.get()));
      lock.unlock();
      Job& done = *job;
      done.ended(std::move(job));
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job*> running_;  // jobs that compute
  std::list<std::shared_ptr<Job>> queue_;
  std::vector<Memory> waste_;
  int threads_ = 0;
  std::size_t idle_ = 0;
};

bool Job::collects() const {
  const auto* eager = std::get_if<Eager>(&work);
  return eager != nullptr ? eager->collect : std::get<ProgramRun>(work).run.collect;
}

void Job::compute() {
  try {
    if (!abort.load()) {
      for (Result& r : results) r.memory = Block::make(r.bytes());
      std::size_t next = 0;
      if (auto* eager = std::get_if<Eager>(&work)) {
        for (auto i = static_cast<std::size_t>(eager->inputs()); i < eager->operands.size(); ++i) {
          Operand& o = eager->operands[i];
          if (!o.present) continue;
          o.data = results[next++].memory->data();
          o.offset = 0;
        }
        outcome = execute(*eager);
      } else {
        auto& [program, run] = std::get<ProgramRun>(work);
        for (void*& to : run.out) to = results[next++].memory->data();
        outcome = execute(*program, run);
      }
    }
    outcome.aborted |= abort.load();
  } catch (const std::exception&) {  // bad_alloc, or a length that no vector can have
    out_of_memory = true;
  }
  inputs.clear();
  // After a failure outputs hold anything, what the allocator left there included, unless failing items were filled with NaN.
  if (outcome.aborted || out_of_memory || (!outcome.failures.empty() && !collects())) results.clear();
}

void submit(std::shared_ptr<Job> job) { Runners::get().submit(std::move(job)); }
bool withdraw(Job& job) { return Runners::get().withdraw(job); }
void discard(Memory memory) {
  if (memory != nullptr) Runners::get().discard(std::move(memory));
}

}  // namespace backsolve
