// Runs a plan: threads take chunks of groups, in order; each owns an arena.
#include <unistd.h>

#include <algorithm>
#include <complex>
#include <limits>
#include <mutex>
#include <optional>

#include "../base/pool.h"
#include "../families/loops.h"
#include "plan.h"

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
thread_local ThreadMemory memory;

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
  Runner(const Plan& plan, const Run& run) : plan_(plan), run_(run), program_(*plan.program) {}
  ~Runner() { memory.shared.trim(); }

  Outcome work() {
    if (stopped()) return {.aborted = true, .failures = {}};
    prepare_shared();
    // What every item fails in is known after the first chunk, unless all failures are wanted.
    const Index chunks = common_.has_value() && !run_.collect ? 1 : plan_.chunks;
    pool::parallel(chunks, plan_.threads, [&](Index chunk) { one_chunk(chunk); }, [] { memory.trim(); });
    Outcome outcome;
    outcome.aborted = aborted_.load(std::memory_order_relaxed);
    std::sort(failures_.begin(), failures_.end(), [](const Failure& a, const Failure& b) { return a.item < b.item; });
    if (!run_.collect && failures_.size() > 1) failures_.erase(failures_.begin() + 1, failures_.end());
    outcome.failures = std::move(failures_);
    return outcome;
  }

 private:
  const Plan& plan_;
  const Run& run_;
  const Program& program_;
  std::uintptr_t shared_ = 0;
  std::vector<std::uintptr_t> base_;                                     // of Ref, without what is a chunk's own
  std::optional<Failure> common_;                                        // a hoisted instruction that failed: it fails every item
  std::atomic<Index> first_failing_{std::numeric_limits<Index>::max()};  // chunk
  std::atomic<bool> aborted_{false};
  std::mutex mutex_;
  std::vector<Failure> failures_;  // under mutex_

  bool stopped() {
    if (run_.abort == nullptr || !run_.abort->load(std::memory_order_relaxed)) return false;
    aborted_.store(true, std::memory_order_relaxed);
    return true;
  }
  /// The steps from here on belong to a failed hoisted instruction or to later ones.
  bool beyond_failure(const Step& s) const { return common_.has_value() && s.instruction >= common_->instruction; }

  void prepare_shared();
  void one_chunk(Index chunk);
  void fill_lists(Chunk& c, const void** lists) const;
  void report(Chunk& c, Index chunk);
};

void Runner::prepare_shared() {
  memory.shared.reserve(plan_.shared_bytes);
  memory.kernel.reserve(plan_.scratch_bytes);
  shared_ = reinterpret_cast<std::uintptr_t>(memory.shared.data());
  base_.assign(Ref::outputs + program_.outputs.size(), 0);
  base_[Ref::shared] = shared_;
  for (const int i : plan_.shared_inputs) base_.push_back(reinterpret_cast<std::uintptr_t>(run_.in[static_cast<std::size_t>(i)]));
  if (!plan_.hoisted.empty()) {
    const pool::Limit limit(run_.threads);
    std::int32_t failed = -1, info = 0;
    Chunk c{&plan_, 0, 1, 1, base_.data(), nullptr, &failed, &info, false, &memory.kernel};
    for (const Step& s : plan_.hoisted) {
      if (stopped()) return;
      s.run(s, c);
      if (!c.any_failed) continue;
      common_ = Failure{0, failed, info};
      break;
    }
  }
  const void* same[kMaxBlock];
  for (const int v : plan_.splats) {
    const Place& p = plan_.places[static_cast<std::size_t>(v)];
    if (p.count == 0) continue;
    const void* from = p.input >= 0 ? run_.in[static_cast<std::size_t>(p.input)] : p.absolute;
    if (p.shared >= 0) from = reinterpret_cast<const void*>(shared_ + static_cast<std::uintptr_t>(p.shared));
    std::fill_n(same, plan_.width, from);
    const DType t = program_.values[static_cast<std::size_t>(v)].dtype;
    plan_.isa->pack[static_cast<int>(t)](reinterpret_cast<void*>(shared_ + static_cast<std::uintptr_t>(p.splat)), same, p.count,
                                         plan_.width);
  }
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
    for (Index i = 0; i < c.items; ++i) {
      to[i] = p;
      for (int d = rank - 1; i + 1 < c.items; --d) {
        const auto n = static_cast<std::size_t>(d);
        p += strides[n] * size;
        if (++at[d] < run_.batch[n]) break;
        p -= run_.batch[n] * strides[n] * size;
        at[d] = 0;
      }
    }
    std::fill(to + c.items, to + padded, to[c.items - 1]);
  }
}

void Runner::one_chunk(Index chunk) {
  if (stopped()) return;
  if (!run_.collect && chunk > first_failing_.load(std::memory_order_relaxed)) return;
  memory.arena.reserve(plan_.arena_bytes);
  memory.kernel.reserve(plan_.scratch_bytes);
  char* arena = memory.arena.data();
  auto* base = reinterpret_cast<std::uintptr_t*>(arena + plan_.base_offset);
  auto* lists = reinterpret_cast<const void**>(arena + plan_.lists_offset);
  auto* marks = reinterpret_cast<std::int32_t*>(arena + plan_.marks_offset);
  const Index room = plan_.chunk * plan_.width, first_group = chunk * plan_.chunk;
  Chunk c{&plan_, first_group * plan_.width,
          0,      std::min(plan_.chunk, plan_.groups - first_group),
          base,   lists,
          marks,  marks + room,
          false,  &memory.kernel};
  c.items = std::min(plan_.items - c.first_item, c.groups * plan_.width);
  std::copy(base_.begin(), base_.end(), base);
  base[Ref::arena] = reinterpret_cast<std::uintptr_t>(arena);
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    const Place& p = plan_.places[static_cast<std::size_t>(program_.outputs[o])];
    base[Ref::outputs + o] = reinterpret_cast<std::uintptr_t>(run_.out[o]) + static_cast<std::uintptr_t>(c.first_item) * p.bytes;
  }
  std::fill_n(c.failed, c.items, -1);
  fill_lists(c, lists);
  // What the run's threads leave over may help with one large matrix.
  const pool::Limit limit(run_.threads > 0 ? std::max(run_.threads / plan_.threads, 1) : 0);
  for (const Step& s : plan_.steps) {
    if (!beyond_failure(s)) s.run(s, c);
  }
  if (common_.has_value()) {
    for (Index i = 0; i < c.items; ++i) c.fail(i, common_->instruction, common_->info);
  }
  if (c.any_failed) report(c, chunk);
  if (run_.done != nullptr) run_.done->fetch_add(c.items, std::memory_order_relaxed);
}

void Runner::report(Chunk& c, Index chunk) {
  Index seen = first_failing_.load(std::memory_order_relaxed);
  while (chunk < seen && !first_failing_.compare_exchange_weak(seen, chunk, std::memory_order_relaxed)) {
  }
  std::lock_guard lock(mutex_);
  for (Index i = 0; i < c.items; ++i) {
    if (c.failed[i] < 0) continue;
    failures_.push_back({c.first_item + i, c.failed[i], c.info[i]});
    if (!run_.collect) return;
    for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
      const auto v = static_cast<std::size_t>(program_.outputs[o]);
      const Place& p = plan_.places[v];
      if (p.count == 0) continue;
      fill_nan(static_cast<char*>(run_.out[o]) + static_cast<std::size_t>(c.first_item + i) * p.bytes, p.count, program_.values[v].dtype);
    }
  }
}

bool outputs_nothing(const Program& program, const Run& run, Index items) {
  const auto count = [&](int v) {
    const Type& t = program.values[static_cast<std::size_t>(v)];
    return count_of(t.dims.data(), static_cast<int>(t.dims.size()));
  };
  if (std::any_of(program.outputs.begin(), program.outputs.end(), [&](int v) { return count(v) > 0; })) return false;
  double of_item = 0, there = 0;
  for (std::size_t v = 0; v < program.values.size(); ++v) of_item += static_cast<double>(count(static_cast<int>(v)));
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
  const Pattern pattern(program, run);
  if (outputs_nothing(program, run, pattern.items)) return {};
  if (program.plans == nullptr) {
    const Plan plan = make_plan(program, pattern);
    return Runner(plan, run).work();
  }
  const std::shared_ptr<const Plan> plan = program.plans->of(program, pattern);
  return Runner(*plan, run).work();
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
