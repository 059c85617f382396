#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace cameo::binding {

/// A thread that runs jobs one after another. Not libuv's pool, which the host's file system and DNS need.
class TaskQueue {
 public:
  TaskQueue() = default;
  /// Waits for the running job; jobs that have not begun still run, and find themselves cancelled.
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  void push(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // started by the first job
};

}  // namespace cameo::binding
