#include "binding/frame_gate.h"

#include <chrono>

namespace cameo::binding {

namespace {

constexpr int kMost = 2;
// A cancellation wakes nobody: it is looked for.
constexpr auto kLook = std::chrono::milliseconds(20);

}  // namespace

void FrameGate::enter(const Cancellation& cancellation) {
  std::unique_lock lock(mutex_);
  while (!left_.wait_for(lock, kLook, [&] { return inside_ < kMost; })) cancellation.check();
  ++inside_;
}

void FrameGate::leave() {
  {
    const std::scoped_lock lock(mutex_);
    --inside_;
  }
  left_.notify_one();
}

}  // namespace cameo::binding
