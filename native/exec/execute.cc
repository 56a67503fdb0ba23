// Runs a plan: threads take chunks of groups, in order; each owns an arena.
#include <unistd.h>

#include <algorithm>
#include <complex>
#include <limits>
#include <mutex>
#include <optional>

#include "../base/pool.h"
#include "../families/loops.h"
#include "sums.h"

namespace backsolve {
namespace {

/// Reused from run to run. `shared` is that of the thread that called execute, and read by all.
struct ThreadMemory {
  Scratch arena, kernel, shared;
  void trim() {
    arena.trim();
    kernel.trim();
  }
};

/// A run within a step of another run on this thread has memory of its own.
class Level {
 public:
  Level() {
    if (stack_.size() == depth_) stack_.push_back(std::make_unique<ThreadMemory>());
    memory_ = stack_[depth_++].get();
  }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ThreadMemory* operator->() const { return memory_; }
  /// What nobody uses now.
  static void trim() {
    for (std::size_t i = depth_; i < stack_.size(); ++i) stack_[i]->trim();
  }

 private:
  static thread_local std::vector<std::unique_ptr<ThreadMemory>> stack_;
  static thread_local std::size_t depth_;
  ThreadMemory* memory_;
};
thread_local std::vector<std::unique_ptr<ThreadMemory>> Level::stack_;
thread_local std::size_t Level::depth_ = 0;

template <class T>
void fill(void* p, Index count, T value) {
  std::fill_n(static_cast<T*>(p), count, value);
}
void fill_nan(void* p, Index count, DType t) {
  constexpr float kFloat = std::numeric_limits<float>::quiet_NaN();
  constexpr double kDouble = std::numeric_limits<double>::quiet_NaN();
  switch (t) {
    case DType::f32:
      return fill(p, count, kFloat);
    case DType::f64:
      return fill(p, count, kDouble);
    case DType::c64:
      return fill(p, 2 * count, kFloat);
    case DType::c128:
      return fill(p, 2 * count, kDouble);
    case DType::b8:
      return fill(p, count, std::uint8_t{0});
    case DType::i32:
      return fill(p, count, std::int32_t{0});
  }
}

class Runner {
 public:
  Runner(const Plan& plan, const Run& run) : plan_(plan), run_(run), program_(*plan.program), sums_(plan, run) {}
  ~Runner() { memory_->shared.trim(); }

  Outcome work() {
    outcome_.depth = program_.depth;
    if (stopped()) return aborted();
    prepare_shared();
    // What every item fails in is known after the first chunk, unless all failures are wanted.
    const Index tasks = common_.has_value() && !run_.collect ? std::min<Index>(plan_.tasks, 1) : plan_.tasks;
    pool::parallel(tasks, plan_.threads, [&](Index task) { one_task(task); }, [] { Level::trim(); });
    if (aborted_.load(std::memory_order_relaxed)) return aborted();
    std::sort(failures_.begin(), failures_.end(), [](const Failure& a, const Failure& b) { return a.item < b.item; });
    if (!run_.collect && failures_.size() > 1) failures_.erase(failures_.begin() + 1, failures_.end());
    if (plan_.items == 0 || !failures_.empty()) sums_.fill(!failures_.empty());
    outcome_.failures = std::move(failures_);
    return std::move(outcome_);
  }

 private:
  const Plan& plan_;
  const Run& run_;
  const Program& program_;
  const Level memory_{};
  Sums sums_;
  std::uintptr_t shared_ = 0;
  std::vector<std::uintptr_t> base_;  // of Ref, without what is a chunk's own
  std::optional<Failure> common_;     // a hoisted instruction that failed: it fails every item
  Index common_steps_[kMaxDepth] = {};
  std::atomic<Index> first_failing_{std::numeric_limits<Index>::max()};  // group that begins a chunk
  std::atomic<bool> aborted_{false};
  std::mutex mutex_;
  std::vector<Failure> failures_;  // under mutex_
  Outcome outcome_;                // its steps: likewise

  bool stopped() {
    if (run_.abort == nullptr || !run_.abort->load(std::memory_order_relaxed)) return false;
    aborted_.store(true, std::memory_order_relaxed);
    return true;
  }
  static Outcome aborted() { return {.aborted = true}; }
  /// The steps from here on belong to a failed hoisted instruction or to later ones.
  bool beyond_failure(const Step& s) const { return common_.has_value() && s.instruction >= common_->site; }

  void prepare_shared();
  void run_hoisted();
  void splat(const Plan& plan) const;
  void one_task(Index task);
  void one_chunk(const Level& memory, Index first_group, Index groups);
  void fill_lists(Chunk& c, const void** lists) const;
  void report(Chunk& c, Index first_group);
};

void Runner::prepare_shared() {
  memory_->shared.reserve(plan_.shared_bytes);
  shared_ = reinterpret_cast<std::uintptr_t>(memory_->shared.data());
  base_.assign(Ref::outputs + program_.outputs.size(), 0);
  base_[Ref::shared] = shared_;
  for (const int i : plan_.shared_inputs) base_.push_back(reinterpret_cast<std::uintptr_t>(run_.in[static_cast<std::size_t>(i)]));
  if (!plan_.hoisted.empty()) run_hoisted();
  splat(plan_);
}

void Runner::run_hoisted() {
  memory_->kernel.reserve(plan_.scratch_bytes);
  memory_->arena.reserve(plan_.hoisted_bytes);
  base_[Ref::arena] = reinterpret_cast<std::uintptr_t>(memory_->arena.data());
  const pool::Limit limit(run_.threads);
  std::int32_t failed = -1, info = 0;
  Index now[kMaxDepth];
  std::fill_n(now, kMaxDepth, Index{-1});
  Chunk c{&plan_, &run_, 0, 1, 1, base_.data(), nullptr, &failed, &info, common_steps_, now, program_.depth, &memory_->kernel};
  for (const Step& s : plan_.hoisted) {
    if (stopped()) return;
    if (beyond_failure(s)) continue;  // loops wait for who reads them: what comes before it may still have to run
    s.run(s, c);
    if (c.stopped) aborted_.store(true, std::memory_order_relaxed);
    if (c.any_failed && !common_) common_ = Failure{0, failed, info};
    c.any_failed = false;
  }
}

/// Shared values and constants, those of bodies too, in all lanes.
void Runner::splat(const Plan& plan) const {
  const void* same[kMaxBlock];
  for (const int v : plan.splats) {
    const Place& p = plan.places[static_cast<std::size_t>(v)];
    if (p.count == 0) continue;
    const void* from = p.input >= 0 ? run_.in[static_cast<std::size_t>(p.input)] : p.absolute;
    if (p.shared >= 0) from = reinterpret_cast<const void*>(shared_ + static_cast<std::uintptr_t>(p.shared));
    std::fill_n(same, plan.width, from);
    const DType t = plan.program->values[static_cast<std::size_t>(v)].dtype;
    plan.isa->pack[static_cast<int>(t)](reinterpret_cast<void*>(shared_ + static_cast<std::uintptr_t>(p.splat)), same, p.count, plan.width);
  }
  for (const Inner& inner : plan.inners)
    for (const Plan& body : inner.bodies) splat(body);
}

/// One pointer per item, the last repeated to the end of its group.
void Runner::fill_lists(Chunk& c, const void** lists) const {
  const Index padded = c.groups * plan_.width;
  const int rank = static_cast<int>(run_.batch.size());
  for (std::size_t l = 0; l < plan_.lists.size(); ++l) {
    const auto input = static_cast<std::size_t>(plan_.lists[l]);
    const auto& strides = run_.strides[input];
    const Place& place = plan_.places[static_cast<std::size_t>(program_.inputs[input])];
    const auto size = static_cast<Index>(size_of(program_.values[static_cast<std::size_t>(program_.inputs[input])].dtype));
    const char* p = static_cast<const char*>(run_.in[input]);
    const void** to = lists + static_cast<Index>(l) * plan_.chunk * plan_.width;
    if (place.count == 0) {
      std::fill_n(to, padded, nullptr);
      continue;
    }
    Index at[kMaxRank];
    Index rest = c.first_item;
    for (int d = rank - 1; d >= 0; --d) {
      const auto i = static_cast<std::size_t>(d);
      at[d] = rest % run_.batch[i];
      rest /= run_.batch[i];
      p += at[d] * strides[i] * size;
    }
    const Index step = rank > 0 ? strides[static_cast<std::size_t>(rank - 1)] * size : 0;
    for (Index i = 0; i < c.items;) {  // the last axis at once, which most batches have alone
      const Index run = rank > 0 ? std::min(c.items - i, run_.batch[static_cast<std::size_t>(rank - 1)] - at[rank - 1]) : 1;
      Index k = 0;
      for (const char* q = p; k + 4 <= run; k += 4, q += 4 * step) {
        const void** const four = &to[i + k];
        four[0] = q;
        four[1] = q + step;
        four[2] = q + 2 * step;
        four[3] = q + 3 * step;
      }
      for (; k < run; ++k) to[i + k] = p + k * step;
      i += run;
      p += run * step;
      if (rank > 0) at[rank - 1] += run;
      for (int d = rank - 1; d > 0 && at[d] == run_.batch[static_cast<std::size_t>(d)]; --d) {
        const auto n = static_cast<std::size_t>(d);
        p += (strides[n - 1] - run_.batch[n] * strides[n]) * size;
        at[d] = 0;
        ++at[d - 1];
      }
    }
    std::fill(to + c.items, to + padded, to[c.items - 1]);
  }
}

void Runner::one_task(Index task) {
  const Level memory;
  memory->arena.reserve(plan_.arena_bytes);
  memory->kernel.reserve(plan_.scratch_bytes);
  char* const sums = memory->arena.data() + plan_.sums_offset;
  if (plan_.sums) sums_.begin(sums, reinterpret_cast<std::uintptr_t*>(memory->arena.data() + plan_.base_offset));
  const Index end = std::min(plan_.groups, (task + 1) * plan_.segment);
  for (Index g = task * plan_.segment; g < end; g += plan_.chunk) {
    if (stopped() || (!run_.collect && g > first_failing_.load(std::memory_order_relaxed))) return;
    one_chunk(memory, g, std::min(plan_.chunk, end - g));
  }
  if (plan_.sums) sums_.end(sums, task);
}

void Runner::one_chunk(const Level& memory, Index first_group, Index groups) {
  char* const arena = memory->arena.data();
  auto* base = reinterpret_cast<std::uintptr_t*>(arena + plan_.base_offset);
  auto* lists = reinterpret_cast<const void**>(arena + plan_.lists_offset);
  auto* marks = reinterpret_cast<std::int32_t*>(arena + plan_.marks_offset);
  auto* steps = reinterpret_cast<Index*>(arena + plan_.steps_offset);
  const Index room = plan_.chunk * plan_.width;
  Chunk c{.plan = &plan_,
          .run = &run_,
          .first_item = first_group * plan_.width,
          .items = 0,
          .groups = groups,
          .base = base,
          .lists = lists,
          .failed = marks,
          .info = marks + room,
          .steps = steps + program_.depth,
          .now = steps,
          .depth = program_.depth,
          .scratch = &memory->kernel};
  c.items = std::min(plan_.items - c.first_item, c.groups * plan_.width);
  const bool counts_inner = plan_.counts_inner && !run_.inner;
  if (counts_inner) c.done = run_.done;
  base[Ref::absolute] = 0;
  base[Ref::shared] = shared_;
  base[Ref::arena] = reinterpret_cast<std::uintptr_t>(arena);
  std::copy(base_.begin() + Ref::outputs + static_cast<std::ptrdiff_t>(program_.outputs.size()), base_.end(),
            base + Ref::outputs + program_.outputs.size());
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    const Place& p = plan_.places[static_cast<std::size_t>(program_.outputs[o])];
    if (run_.summed(o)) continue;
    base[Ref::outputs + o] = reinterpret_cast<std::uintptr_t>(run_.out[o]) + static_cast<std::uintptr_t>(c.first_item) * p.bytes;
  }
  std::fill_n(c.failed, c.items, -1);
  std::fill_n(c.now, c.depth, Index{-1});
  fill_lists(c, lists);
  // What the run's threads leave over may help with one large matrix.
  const pool::Limit limit(run_.threads > 0 ? std::max(run_.threads / plan_.threads, 1) : 0);
  for (const Step& s : plan_.steps) {
    if (!beyond_failure(s)) s.run(s, c);
    if (c.stopped) return aborted_.store(true, std::memory_order_relaxed);
  }
  if (common_.has_value()) {
    std::copy_n(common_steps_, c.depth, c.now);
    for (Index i = 0; i < c.items; ++i) c.fail(i, common_->site, common_->info);
  }
  if (c.any_failed) report(c, first_group);
  if (run_.done != nullptr && !counts_inner) run_.done->fetch_add(c.items, std::memory_order_relaxed);
}

void Runner::report(Chunk& c, Index first_group) {
  Index seen = first_failing_.load(std::memory_order_relaxed);
  while (first_group < seen && !first_failing_.compare_exchange_weak(seen, first_group, std::memory_order_relaxed)) {
  }
  std::lock_guard lock(mutex_);
  for (Index i = 0; i < c.items; ++i) {
    if (c.failed[i] < 0) continue;
    failures_.push_back({c.first_item + i, c.failed[i], c.info[i], static_cast<Index>(failures_.size())});
    outcome_.steps.insert(outcome_.steps.end(), c.steps + i * c.depth, c.steps + (i + 1) * c.depth);
    if (!run_.collect) return;
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto v = static_cast<std::size_t>(program_.outputs[o]);
      const Place& p = plan_.places[v];
      if (p.count == 0 || run_.summed(o)) continue;
      fill_nan(static_cast<char*>(run_.out[o]) + static_cast<std::size_t>(c.first_item + i) * p.bytes, p.count, program_.values[v].dtype);
    }
  }
}

/// The elements of an item's values, those of bodies as often as these run.
double elements_of(const Program& program) {
  double n = 0;
  for (const Type& t : program.values) n += static_cast<double>(count_of(t.dims.data(), static_cast<int>(t.dims.size())));
  for (const Instruction& code : program.code) {
    if (code.control == nullptr) continue;
    const double runs = code.control->kind == Control::Kind::cond ? 1 : static_cast<double>(code.control->length);
    for (const auto& body : code.control->bodies) n += runs * std::max(elements_of(*body), 1.0);
  }
  return n;
}

bool outputs_nothing(const Program& program, const Run& run, Index items) {
  const auto count = [&](int v) {
    const Type& t = program.values[static_cast<std::size_t>(v)];
    return count_of(t.dims.data(), static_cast<int>(t.dims.size()));
  };
  if (std::any_of(program.outputs.begin(), program.outputs.end(), [&](int v) { return count(v) > 0; })) return false;
  const double of_item = elements_of(program);
  double there = 0;
  for (const int v : program.constants) there += static_cast<double>(count(v));
  for (std::size_t i = 0; i < program.inputs.size(); ++i) {
    double elements = static_cast<double>(count(program.inputs[i]));
    for (std::size_t d = 0; d < run.batch.size() && elements > 0; ++d)
      elements += static_cast<double>(run.batch[d] - 1) * static_cast<double>(run.strides[i][d]);
    there += elements;
  }
  return unjudged(items, of_item, there);
}

}  // namespace

Outcome execute(const Program& program, const Run& run) {
  Pattern pattern(program, run);
  if (outputs_nothing(program, run, pattern.items)) return {};
  if (program.plans == nullptr) return Runner(make_plan(program, pattern), run).work();
  const std::shared_ptr<const Plan> plan = program.plans->of(program, std::move(pattern));
  return Runner(*plan, run).work();
}

Outcome execute(const Plan& plan, const Run& run) {
  if (outputs_nothing(*plan.program, run, plan.items)) return {};
  return Runner(plan, run).work();
}

std::size_t l2_bytes() {
  static const std::size_t bytes = [] {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long n = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (n > 0) return static_cast<std::size_t>(n);
#endif
    return std::size_t{1} << 20;
  }();
  return bytes;
}

}  // namespace backsolve
