#include "binding/task_runner.h"

#include <cstring>
#include <utility>

#include "binding/frame_gate.h"

namespace cameo::binding {

namespace {

struct Message {
  std::optional<pipeline::Progress> progress;
  std::shared_ptr<FrameGate> gate;  // of a progress with a frame
  MakeValue value;
  std::optional<Error> error;
};

void settle(Napi::Env env, const Message& message, const Napi::Promise::Deferred& deferred) {
  try {
    if (message.error) {
      deferred.Reject(makeError(env, *message.error).Value());
    } else {
      deferred.Resolve(message.value(env));
    }
  } catch (const Napi::Error& error) {
    deferred.Reject(error.Value());
  } catch (...) {
    deferred.Reject(makeError(env, currentError()).Value());
  }
}

/// What a task has on the JS thread: made there, used there, destroyed there by the end of its channel, the
/// thread-safe function.
struct JsSide {
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference owner;
  std::shared_ptr<Cancellation> cancellation;
};

/// A frame comes with a function by which JS says that it is done with it.
Napi::Object report(Napi::Env env, const Message& message) {
  Napi::Object object = makeProgress(env, *message.progress);
  if (!message.gate) return object;
  const auto taken = [gate = message.gate](const Napi::CallbackInfo&) { gate->leave(); };
  object.Set("taken", Napi::Function::New(env, taken, "taken"));
  return object;
}

void deliver(Napi::Env env, Napi::Function callback, std::shared_ptr<JsSide>* side, Message* raw) {
  const std::unique_ptr<Message> message(raw);
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is gone, and its promises with it
  try {
    if (!message->progress) return settle(env, *message, (*side)->deferred);
    if (!callback.IsEmpty()) callback.Call({report(env, *message)});
  } catch (...) {
    // `callback` never throws of itself: the thread is being terminated and nobody waits for the promise, or
    // there is no memory for the report.
    (*side)->cancellation->request();
  }
}

using Channel = Napi::TypedThreadSafeFunction<std::shared_ptr<JsSide>, Message, deliver>;

Channel openChannel(Napi::Env env, const Napi::Function& on_progress, std::shared_ptr<JsSide> side) {
  auto context = std::make_unique<std::shared_ptr<JsSide>>(std::move(side));
  const Channel channel = Channel::New(
      env, on_progress, "cameo", /*maxQueueSize=*/0, /*threadCount=*/1, context.get(),
      [](Napi::Env, void*, std::shared_ptr<JsSide>* ended) { delete ended; }, static_cast<void*>(nullptr));
  context.release();
  return channel;
}

Message run(const Work& work, const Channel& channel, const Cancellation& cancellation) {
  Message result;
  try {
    const CancellationScope scope(cancellation);
    cancellation.check();
    const auto gate = std::make_shared<FrameGate>();
    const auto report = [&](pipeline::Progress progress) {
      auto message = std::make_unique<Message>();
      if (progress.frame) {
        gate->enter(cancellation);
        message->gate = gate;
      }
      message->progress = std::move(progress);
      if (channel.NonBlockingCall(message.get()) == napi_ok) message.release();
    };
    result.value = work(report, cancellation);
  } catch (...) {
    result.error = currentError();
  }
  return result;
}

}  // namespace

void RunnerSet::stopAtExit(Napi::Env env, const std::shared_ptr<RunnerSet>& runners) {
  const auto stop = [runners](const Napi::CallbackInfo&) {
    for (TaskRunner* runner : runners->runners_) runner->stop();
  };
  const auto process = env.Global().Get("process").As<Napi::Object>();
  process.Get("on").As<Napi::Function>().Call(
      process, {Napi::String::New(env, "exit"), Napi::Function::New(env, stop, "stopCameo")});
}

/// A task as the JS thread sees it until its channel has ended.
struct TaskRunner::Task : JsSide {
  std::weak_ptr<TaskQueue> queue;
  uint64_t job = 0;
  Channel channel;

  void abort() {
    cancellation->request();
    const auto waiting = queue.lock();
    if (!waiting || !waiting->remove(job)) return;  // it runs, and settles within a layer, or has ended
    Message message;
    message.error = Cancellation::error();
    settle(deferred.Env(), message, deferred);
    channel.Release();
  }
};

TaskRunner::TaskRunner(Napi::Env env, std::shared_ptr<RunnerSet> siblings, std::function<void()> at_end)
    : env_(env),
      siblings_(std::move(siblings)),
      at_end_(std::move(at_end)),
      queue_(std::make_shared<TaskQueue>()) {
  siblings_->add(this);
  napi_add_env_cleanup_hook(env_, atEnvironmentExit, this);
}

TaskRunner::~TaskRunner() {
  siblings_->remove(this);
  napi_remove_env_cleanup_hook(env_, atEnvironmentExit, this);
  cancelAll();
}

/// Hooks run last in, first out. This one must run before those of the thread-safe functions, because it
/// joins the thread that calls them.
void TaskRunner::renewExitHook() {
  napi_remove_env_cleanup_hook(env_, atEnvironmentExit, this);
  napi_add_env_cleanup_hook(env_, atEnvironmentExit, this);
}

void TaskRunner::atEnvironmentExit(void* self) {
  static_cast<TaskRunner*>(self)->stop();
}

void TaskRunner::stop() {
  cancelAll();
  queue_.reset();
  if (at_end_) std::exchange(at_end_, {})();
}

void TaskRunner::cancelAll() {
  for (const auto& weak : std::exchange(tasks_, {})) {
    if (const auto task = weak.lock()) task->cancellation->request();
  }
}

void TaskRunner::abortAll() {
  for (const auto& weak : std::exchange(tasks_, {})) {
    if (const auto task = weak.lock()) task->abort();
  }
}

Napi::Object TaskRunner::start(const Napi::Object& owner, const Napi::Function& on_progress, Work work) {
  if (!queue_) throw Error(ErrorCode::Closed, "this thread is ending");
  queue_->start();  // may fail, and the channel keeps the process running until its end
  const auto cancellation = std::make_shared<Cancellation>();
  const auto task = std::make_shared<Task>(
      Task{{Napi::Promise::Deferred::New(env_), Napi::Persistent(owner), cancellation}, queue_, 0, {}});
  task->channel = openChannel(env_, on_progress, task);
  renewExitHook();
  std::erase_if(tasks_, [](const auto& weak) { return weak.expired(); });
  tasks_.push_back(task);

  task->job = queue_->push([work = std::move(work), channel = task->channel, cancellation] {
    auto message = std::make_unique<Message>(run(work, channel, *cancellation));
    if (channel.NonBlockingCall(message.get()) == napi_ok) message.release();
    Channel(channel).Release();
  });

  auto result = Napi::Object::New(env_);
  result.Set("promise", task->deferred.Promise());
  result.Set("abort", Napi::Function::New(
                          env_,
                          [weak = std::weak_ptr(task)](const Napi::CallbackInfo&) {
                            if (const auto task = weak.lock()) task->abort();
                          },
                          "abort"));
  return result;
}

Napi::Error makeError(Napi::Env env, const Error& error) {
  auto result = Napi::Error::New(env, error.what());
  result.Set("code", errorCodeName(error.code()));
  return result;
}

Napi::Object makeImage(Napi::Env env, const pipeline::RgbImage& image) {
  auto data = Napi::Uint8Array::New(env, image.data.size());
  std::memcpy(data.Data(), image.data.data(), image.data.size());
  auto object = Napi::Object::New(env);
  object.Set("data", data);
  object.Set("width", Napi::Number::New(env, static_cast<double>(image.width)));
  object.Set("height", Napi::Number::New(env, static_cast<double>(image.height)));
  return object;
}

Napi::Object makeProgress(Napi::Env env, const pipeline::Progress& progress) {
  static constexpr const char* kPhases[] = {"load", "encode", "denoise", "decode"};
  auto object = Napi::Object::New(env);
  object.Set("phase", kPhases[static_cast<size_t>(progress.phase)]);
  object.Set("step", Napi::Number::New(env, static_cast<double>(progress.step)));
  object.Set("steps", Napi::Number::New(env, static_cast<double>(progress.steps)));
  if (progress.preview) object.Set("preview", makeImage(env, *progress.preview));
  if (progress.frame) object.Set("frame", makeImage(env, *progress.frame));
  return object;
}

}  // namespace cameo::binding
