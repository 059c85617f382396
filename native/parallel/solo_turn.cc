#include "parallel/solo_turn.h"

#include <chrono>
#include <utility>

#include "core/thread.h"
#include "parallel/process_group.h"

namespace cameo::parallel {

namespace {

// What the ranks agree on by their maximum.
constexpr double kGoesOn = 0, kEnded = 1;

}  // namespace

SoloTurn::SoloTurn(ProcessGroup& group) : group_(group) {
  if (group.rank() == 0) thread_ = startThread([this] { keepTelling(); });
}

SoloTurn::~SoloTurn() {
  if (!thread_.joinable()) return;
  group_.abort();
  joinThread();
}

void SoloTurn::end() {
  if (group_.rank() != 0) {
    while (group_.max(kGoesOn) < kEnded) {
    }
    return;
  }
  {
    // The thread may be waiting for the others at this moment.
    const Interruptible interruptible([this] { group_.abort(); });
    joinThread();
  }
  throwIfCancelled();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  group_.max(kEnded);
}

void SoloTurn::joinThread() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SoloTurn::keepTelling() {
  const auto interval = std::chrono::duration<double>(group_.timeoutSeconds() / 4);
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, interval, [this] { return ended_; })) {
    lock.unlock();
    try {
      group_.max(kGoesOn);
    } catch (...) {
      failure_ = std::current_exception();
      return;
    }
    lock.lock();
  }
}

}  // namespace cameo::parallel
