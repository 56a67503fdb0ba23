#include "calls.h"

#include "../exec/shape.h"
#include "call.h"

namespace backsolve {

double Calls::prepare(const Napi::CallbackInfo& info) {
  constexpr std::size_t kMost = 1 << 20;
  if (kept_.size() >= kMost || next_ == UINT32_MAX) refuse(info.Env(), "too many calls are prepared");
  std::vector<bool> quiet;
  Kept kept{read_eager(info, Mode::plan, quiet), {}, 0};
  for (const Operand& o : kept.call.operands) {
    kept.counts.push_back(count_of(o.dims.data(), static_cast<int>(o.dims.size())));
    if (o.present) ++kept.buffers;
    if (o.offset != 0) refuse(info.Env(), "a prepared call has no offsets");
  }
  kept_.emplace(next_, std::move(kept));
  return static_cast<double>(next_++);
}

void Calls::forget(const Napi::CallbackInfo& info) {
  Words words(info[0]);
  while (!words.done()) kept_.erase(static_cast<std::uint32_t>(words.integer(0, UINT32_MAX, "call")));
}

Outcome Calls::run(const Napi::CallbackInfo& info) {
  constexpr std::size_t kFirst = 2;
  const Napi::Env env = info.Env();
  double number = -1;  // what is no integer stays none
  bool collect = false;
  const bool integer = napi_get_value_double(env, info[0], &number) == napi_ok && number >= 0 && number < UINT32_MAX &&
                       number == static_cast<double>(static_cast<std::uint32_t>(number));
  const auto found = integer ? kept_.find(static_cast<std::uint32_t>(number)) : kept_.end();
  if (found == kept_.end()) refuse(env, "no such call");
  if (napi_get_value_bool(env, info[1], &collect) != napi_ok) refuse(env, "collect must be true or false");
  Kept& kept = found->second;
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
