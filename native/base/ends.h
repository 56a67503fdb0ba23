// The end of the process. exit() runs OpenBLAS's destructor, which frees its buffers: by then no thread of ours may compute in it. A thread
// cannot be stopped from outside in the middle of a routine, but it can be parked there for ever, where it holds no lock.
#pragma once

namespace backsolve::ends {

/// Makes the calling thread, one of ours, known for its life: exit() waits while it computes, or parks it.
class Thread {
 public:
  Thread();
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
};

/// The calling thread computes until the end of the scope. At an exit it never leaves the scope, nor enters one, and so must hold no lock
/// there. Without effect on threads that are not ours: whoever calls exit() waits for its own calls by itself.
class Computing {
 public:
  Computing();
  ~Computing();
  Computing(const Computing&) = delete;
  Computing& operator=(const Computing&) = delete;
};

/// The calling thread, in a scope of Computing, only waits for other threads of ours: they may be parked, and it with them.
class Waiting {
 public:
  Waiting();
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
};

/// From now on exit() calls abort(), which ends what can be ended early, and returns from its handlers only when no thread computes. Call
/// it after OpenBLAS was loaded: handlers run last in, first out.
void guard_exit(void (*abort)());

}  // namespace backsolve::ends
