#include "binding/task_queue.h"

#include <utility>

#include "core/thread.h"
#include "cpu/barriers.h"

namespace cameo::binding {

TaskQueue::~TaskQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TaskQueue::start() {
  if (!isStarted()) thread_ = startThread([this] { run(); });
}

uint64_t TaskQueue::push(Job job) {
  const std::lock_guard lock(mutex_);
  jobs_.emplace(++pushed_, std::move(job));
  changed_.notify_one();
  return pushed_;
}

bool TaskQueue::remove(uint64_t number) {
  decltype(jobs_)::node_type removed;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  removed = jobs_.extract(number);
  return !removed.empty();
}

void TaskQueue::run() {
  cpu::sleepAtBarriers();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto next = jobs_.extract(jobs_.begin());
    lock.unlock();
    next.mapped()();
    next = {};  // what it holds is freed before the next one starts
    lock.lock();
  }
}

}  // namespace cameo::binding
