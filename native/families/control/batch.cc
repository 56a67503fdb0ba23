#include "batch.h"

#include "control.h"

namespace backsolve::control {
namespace {

struct Batch {
  std::shared_ptr<const Program> body;
  std::vector<int> outputs;  // operands of the step, of each output of `body`
  std::vector<bool> sums;
  int level;
};

/// What the run of one item is, but for its memory.
Run run_of(const Step& s, const Chunk& c, const Batch& batch) {
  const Control& k = *s.code->control;
  Run run;
  run.layout = c.run->layout;
  run.chunk = c.run->chunk;
  run.threads = c.run->threads;
  run.batch = {k.length};
  run.sums = batch.sums;
  run.abort = c.run->abort;
  run.done = c.done;
  run.inner = true;
  for (std::size_t i = 0; i < s.code->in.size(); ++i) {
    const Type& t = batch.body->values[static_cast<std::size_t>(batch.body->inputs[i])];
    run.strides.push_back({i < k.mapped ? count_of(t.dims.data(), static_cast<int>(t.dims.size())) : 0});
  }
  run.in.resize(s.code->in.size());
  run.out.resize(batch.outputs.size());
  return run;
}

/// The failure of an item is that of the first of its runs that failed.
void fail(Chunk& c, const Batch& batch, Index g, const Outcome& outcome) {
  const Failure& first = outcome.failures.front();
  Index* const now = c.now + batch.level;
  now[0] = first.item;
  std::copy_n(outcome.steps.begin() + first.at * outcome.depth, outcome.depth, now + 1);
  c.fail(g, first.site, first.info);
  std::fill_n(now, outcome.depth + 1, Index{-1});
}

void run(const Step& s, Chunk& c) {
  const auto& batch = *static_cast<const Batch*>(inner_of(s, c).detail.get());
  Run run = run_of(s, c, batch);
  for_groups(s, c, [&](Groups groups) {
    const Index g = groups.first;
    if (c.stops()) return;
    for (std::size_t i = 0; i < run.in.size(); ++i) run.in[i] = c.at(ref(s, c, static_cast<int>(i)), g);
    for (std::size_t o = 0; o < run.out.size(); ++o) run.out[o] = c.at(ref(s, c, batch.outputs[o]), g);
    const Outcome outcome = execute(inner_of(s, c).batch[0], run);
    if (outcome.aborted) c.stopped = true;
    if (!outcome.failures.empty()) fail(c, batch, g, outcome);
  });
}

}  // namespace

void plan_batch(Planner& planner, Step& s) {
  const Control& k = *s.code->control;
  Batch batch{.body = k.bodies[0], .outputs = {}, .sums = {}, .level = planner.level()};
  std::vector<int> wanted;
  for (std::size_t o = 0; o < s.code->out.size(); ++o) {
    if (s.code->out[o] < 0) continue;
    wanted.push_back(batch.body->outputs[o]);
    batch.outputs.push_back(s.inputs + static_cast<int>(o));
    batch.sums.push_back(k.sums[o]);
  }
  if (wanted.size() < batch.body->outputs.size()) {
    auto less = std::make_shared<Program>(*batch.body);
    less->outputs = std::move(wanted);
    batch.body = std::move(less);
  }
  s.run = run;
  const int inner = planner.add_inner(s);
  s.flops = planner.nest_batch(inner, s, *batch.body, batch.sums);
  planner.count_inner();
  planner.keep(inner, std::make_shared<const Batch>(std::move(batch)));
}

}  // namespace backsolve::control
