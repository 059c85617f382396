#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "binding/task_queue.h"
#include "core/cancellation.h"
#include "pipeline/request.h"

namespace cameo::binding {

/// Makes a task's JS value, on the JS thread.
using MakeValue = std::function<Napi::Value(Napi::Env)>;

/// What a task does, on the runner's thread and without V8. Throws whatever `currentError` understands.
using Work = std::function<MakeValue(const pipeline::OnProgress&, const Cancellation&)>;

class TaskRunner;

/// The runners of one JS environment (the main thread, a worker).
class RunnerSet {
 public:
  void add(TaskRunner* runner) { runners_.insert(runner); }
  void remove(TaskRunner* runner) { runners_.erase(runner); }

  /// Stops all of them on the environment's 'exit' event. `process.exit` and uncaught errors end the process
  /// without running cleanup hooks, and a thread that still computes while the statics of libtorch and oneDNN
  /// are destroyed crashes.
  static void stopAtExit(Napi::Env env, const std::shared_ptr<RunnerSet>& runners);

 private:
  std::set<TaskRunner*> runners_;
};

/// Every promise of the addon is made here: work runs on a thread of the runner's own, one task after
/// another; progress and the result come back through a thread-safe function; whatever is thrown rejects with
/// an Error that has a `code`.
class TaskRunner {
 public:
  /// `at_end` is called by `stop`, on the JS thread, once nothing runs any more.
  TaskRunner(Napi::Env env, std::shared_ptr<RunnerSet> siblings, std::function<void()> at_end = {});
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  /// `{promise, abort()}`. `owner` is kept from garbage collection until the promise settles. `on_progress`
  /// may be empty. Aborting a task that has not begun frees what it holds and settles it at once.
  Napi::Object start(const Napi::Object& owner, const Napi::Function& on_progress, Work work);

  /// Whether there is a thread, which the first task starts.
  bool isStarted() const { return queue_ && queue_->isStarted(); }

  /// Aborts every task that has not ended, as its `abort()` does.
  void abortAll();

  /// Ends everything and joins the thread; nothing can be started afterwards. Calls nothing of JS, which may
  /// be at its end.
  void stop();

 private:
  struct Task;

  static void atEnvironmentExit(void* self);
  void renewExitHook();
  void cancelAll();

  Napi::Env env_;
  std::shared_ptr<RunnerSet> siblings_;
  std::function<void()> at_end_;
  std::vector<std::weak_ptr<Task>> tasks_;
  std::shared_ptr<TaskQueue> queue_;  // tasks' abort() sees it, too, while it lives
};

/// A JS Error with `code`.
Napi::Error makeError(Napi::Env env, const Error& error);

/// A picture as `RgbImage` in ts/native.ts.
Napi::Object makeImage(Napi::Env env, const pipeline::RgbImage& image);

/// A progress report as `NativeProgress` in ts/native.ts.
Napi::Object makeProgress(Napi::Env env, const pipeline::Progress& progress);

}  // namespace cameo::binding
