// Jobs: asynchronous runs, which compute on threads of their own. No JavaScript here: jobs.h has its side.
#pragma once
#include <atomic>
#include <list>
#include <memory>
#include <variant>
#include <vector>

#include "../exec/program.h"
#include "memory.h"

namespace backsolve {

struct ProgramRun {
  std::shared_ptr<const Program> program;
  Run run;
};

/// An output: made when the job begins, handed out when it is done.
struct Result {
  DType dtype;
  Index count;  // elements
  Memory memory;
  std::size_t bytes() const { return static_cast<std::size_t>(count) * size_of(dtype); }
};

/// Owned by whoever works on it: an environment may end while its jobs compute.
struct Job {
  std::variant<Eager, ProgramRun> work;
  std::vector<Memory> inputs;   // held while it computes
  std::vector<Result> results;  // of the outputs that are wanted, in order
  std::atomic<bool> abort{false};
  std::atomic<Index> done{0};
  Outcome outcome;
  bool out_of_memory = false;

  virtual ~Job() = default;
  /// Called on a thread of ours when it has been computed, with the reference that the thread held.
  virtual void ended(std::shared_ptr<Job> self) = 0;
  bool collects() const;

 private:
  friend class Runners;
  void compute();
  std::list<std::shared_ptr<Job>>::iterator place;  // in the queue, while it is there
  bool queued = false;
};

/// Takes a job in turn. Throws std::system_error where there is no thread to be had at all.
void submit(std::shared_ptr<Job> job);
/// Takes the job out of the queue, if it has not begun.
bool withdraw(Job& job);
/// Lets go of memory on another thread: returning hundreds of megabytes to the system takes its time.
void discard(Memory memory);

}  // namespace backsolve
