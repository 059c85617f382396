#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace cameo::binding {

/// A thread that runs jobs one after another. Not libuv's pool, which the host's file system and DNS need.
class TaskQueue {
 public:
  using Job = std::function<void()>;

  TaskQueue() = default;
  /// Waits for the running job; jobs that have not begun still run, and find themselves cancelled.
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  /// Starts the thread, where that was not done before. Throws `ErrorCode::OutOfMemory`.
  void start();
  bool isStarted() const { return thread_.joinable(); }

  /// The job's number. The thread must have been started.
  uint64_t push(Job job);
  /// Destroys a job that has not begun, and with it all that it holds. False where it has begun.
  bool remove(uint64_t number);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Job> jobs_;  // by their numbers, which is their order
  uint64_t pushed_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cameo::binding
