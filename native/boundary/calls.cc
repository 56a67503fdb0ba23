#include "calls.h"

#include "../exec/shape.h"
#include "call.h"

namespace backsolve {

double Calls::prepare(const Napi::CallbackInfo& info) {
  constexpr std::size_t kMost = 1 << 16;
  if (kept_.size() >= kMost) refuse(info.Env(), "too many calls are prepared");
  std::vector<bool> quiet;
  Kept kept{read_eager(info, Mode::plan, quiet), {}, 0};
  for (const Operand& o : kept.call.operands) {
    kept.counts.push_back(count_of(o.dims.data(), static_cast<int>(o.dims.size())));
    if (o.present) ++kept.buffers;
    if (o.offset != 0) refuse(info.Env(), "a prepared call has no offsets");
  }
  kept_.push_back(std::move(kept));
  return static_cast<double>(kept_.size() - 1);
}

Outcome Calls::run(const Napi::CallbackInfo& info) {
  constexpr std::size_t kFirst = 2;
  const Napi::Env env = info.Env();
  std::uint32_t at = 0;
  bool collect = false;
  if (napi_get_value_uint32(env, info[0], &at) != napi_ok || at >= kept_.size()) refuse(env, "no such call");
  if (napi_get_value_bool(env, info[1], &collect) != napi_ok) refuse(env, "collect must be true or false");
  Kept& kept = kept_[at];
  Eager& e = kept.call;
  if (info.Length() < kFirst + kept.buffers) refuse(env, "wrong number of buffers");
  const auto inputs = static_cast<std::size_t>(e.inputs());
  Range ranges[kMaxOperands];
  std::size_t next = 0, read = 0;
  for (std::size_t i = 0; i < e.operands.size(); ++i) {
    Operand& o = e.operands[i];
    if (!o.present) continue;
    const Buffer b = buffer_of(info[kFirst + next], o.dtype);
    if (b.size < kept.counts[i] || (b.data == nullptr && kept.counts[i] > 0)) gone(env, next);
    o.data = b.data;
    o.size = b.size;
    ranges[next++] = range_of(b, o.dtype);
    if (i < inputs) read = next;
  }
  refuse_overlap(env, {ranges, read}, {ranges + read, next - read});
  e.collect = collect;
  return execute(e);
}

}  // namespace backsolve
