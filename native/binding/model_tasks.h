#pragma once

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <c10/core/DeviceGuard.h>
#include <napi.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "binding/addon_data.h"
#include "binding/task_runner.h"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace cameo::binding {

/// Runs `body` and throws what it throws as a JS Error with a `code`.
template <typename Body>
auto guarded(Napi::Env env, Body&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw makeError(env, currentError());
  }
}

/// A task's value: undefined.
inline MakeValue noValue() {
  return [](Napi::Env env) { return env.Undefined(); };
}

/// A task's value: a Uint8Array of `frames`.
inline MakeValue framesValue(pipeline::Frames frames) {
  auto shared = std::make_shared<pipeline::Frames>(std::move(frames));
  return [shared](Napi::Env env) {
    auto array = Napi::Uint8Array::New(env, shared->size());
    std::memcpy(array.Data(), shared->data(), shared->size());
    return array;
  };
}

/// Memory that an object of JS's keeps and V8 can't see, as V8 is told of it: without that it would leave the
/// object uncollected however many gigabytes it holds.
class ExternalMemory {
 public:
  explicit ExternalMemory(Napi::Env env) : env_(env) {}
  ~ExternalMemory() { release(); }
  ExternalMemory(const ExternalMemory&) = delete;
  ExternalMemory& operator=(const ExternalMemory&) = delete;

  void set(int64_t bytes) {
    if (!released_) adjust(bytes - std::exchange(held_, bytes));
  }
  /// For good: what is loaded afterwards was let go, too.
  void release() {
    released_ = true;
    adjust(-std::exchange(held_, 0));
  }

 private:
  void adjust(int64_t change) const {
    int64_t total = 0;
    if (change != 0) napi_adjust_external_memory(env_, change, &total);
  }

  napi_env env_;
  int64_t held_ = 0;
  bool released_ = false;
};

/// What JS is told of a model: its description and the bytes of its weights.
struct ModelState {
  std::string description;
  int64_t bytes = 0;
};

/// A model that was loaded.
template <typename Model>
struct Loaded {
  std::unique_ptr<Model> model;
  ModelState state;
};

/// What the addon's objects have in common: a model that is loaded, worked with and let go on a thread of its
/// own, one task after another.
template <typename Model>
class ModelTasks {
 public:
  using ModelWork = std::function<MakeValue(std::unique_ptr<Model>& model, const pipeline::OnProgress&,
                                            const Cancellation&)>;
  using Load = std::function<Loaded<Model>(const pipeline::OnProgress&, const Cancellation&)>;
  using Change = std::function<ModelState(Model& model, const Cancellation&)>;

  /// `name` is how messages call it: "pipeline". `leave` ends what a model does beside its tasks; the process
  /// may end without the model being destroyed.
  ModelTasks(Napi::Env env, std::string name, std::function<void(Model&)> leave = {})
      : name_(std::move(name)),
        model_(std::make_shared<std::unique_ptr<Model>>()),
        on_js_thread_(std::make_shared<OnJsThread>(env)),
        runner_(env, AddonData::of(env).runners, [model = model_, leave = std::move(leave)] {
          if (leave && *model) leave(**model);
        }) {}

  /// A task that makes the model.
  Napi::Value load(const Napi::Object& owner, const Napi::Value& on_progress, Load load) {
    const auto work = [load = std::move(load), on_js_thread = on_js_thread_](
                          std::unique_ptr<Model>& model, const pipeline::OnProgress& progress,
                          const Cancellation& cancellation) -> MakeValue {
      Loaded<Model> loaded = load(progress, cancellation);
      model = std::move(loaded.model);
      return described(on_js_thread, std::move(loaded.state));
    };
    return startAny(owner, on_progress, work);
  }

  /// A task that changes the loaded model. Throws as `start`.
  Napi::Value change(const Napi::Object& owner, Change change) {
    return start(owner, {},
                 [change = std::move(change), on_js_thread = on_js_thread_](
                     std::unique_ptr<Model>& model, const auto&, const Cancellation& cancellation) {
                   return described(on_js_thread, change(*model, cancellation));
                 });
  }

  /// A task on the loaded model. Throws ERR_CLOSED, now or as the task's rejection, where there is none.
  Napi::Value start(const Napi::Object& owner, const Napi::Value& on_progress, ModelWork work) {
    return startAny(owner, on_progress,
                    [work = std::move(work), name = name_](std::unique_ptr<Model>& model,
                                                           const pipeline::OnProgress& progress,
                                                           const Cancellation& cancellation) {
                      if (!model) throw Error(ErrorCode::Closed, "this " + name + " has no model loaded");
                      const c10::DeviceGuard on_its_device(deviceOf(*model));
                      try {
                        return work(model, progress, cancellation);
                      } catch (...) {
                        // What the request had is kept for the next one, but not all that needs memory on a
                        // GPU can take it from there.
                        if (currentError().code() == ErrorCode::OutOfMemory) emptyDeviceCaches();
                        throw;
                      }
                    });
  }

  Napi::Value describe(Napi::Env env) const {
    requireOpen(env);
    return Napi::String::New(env, on_js_thread_->description);
  }

  /// Aborts everything; the memory is back when the promise resolves, and the thread has ended: it and
  /// OpenMP's threads that belong to it keep stacks and buffers, and V8, which doesn't know that, may leave
  /// `owner` for long.
  Napi::Value close(const Napi::Object& owner) {
    closed_ = true;
    runner_.abortAll();
    if (!runner_.isStarted()) return resolved(owner.Env());  // nothing was ever loaded
    const auto work = [this, model = model_](const pipeline::OnProgress&, const Cancellation&) -> MakeValue {
      release(*model);
      // On the JS thread, while `owner`, to whom this belongs, is still kept for the promise.
      return [this](Napi::Env env) {
        on_js_thread_->memory.release();
        runner_.stop();
        return env.Undefined();
      };
    };
    return runner_.start(owner, Napi::Function(), work).Get("promise");
  }

 private:
  struct OnJsThread {
    explicit OnJsThread(Napi::Env env) : memory(env) {}

    std::string description;
    ExternalMemory memory;
  };

  static MakeValue described(const std::shared_ptr<OnJsThread>& on_js_thread, ModelState state) {
    return [on_js_thread, state = std::move(state)](Napi::Env env) {
      on_js_thread->description = state.description;
      on_js_thread->memory.set(state.bytes);
      return env.Undefined();
    };
  }

  static Napi::Value resolved(Napi::Env env) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Resolve(env.Undefined());
    return deferred.Promise();
  }

  void requireOpen(Napi::Env env) const {
    if (closed_) throw makeError(env, Error(ErrorCode::Closed, "this " + name_ + " was closed"));
  }

  Napi::Value startAny(const Napi::Object& owner, const Napi::Value& on_progress, ModelWork work) {
    requireOpen(owner.Env());
    const Napi::Function callback =
        on_progress.IsFunction() ? on_progress.As<Napi::Function>() : Napi::Function();
    return runner_.start(owner, callback,
                         [model = model_, work = std::move(work)](const pipeline::OnProgress& progress,
                                                                  const Cancellation& cancellation) {
                           return work(*model, progress, cancellation);
                         });
  }

  static void emptyDeviceCaches() {
    try {
      if (at::hasCUDA()) at::accelerator::emptyCache();
    } catch (const c10::Error&) {
      // The GPU failed before, and says so again.
    }
  }

  static void release(std::unique_ptr<Model>& model) {
    model.reset();
    emptyDeviceCaches();
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
  }

  std::string name_;
  std::shared_ptr<std::unique_ptr<Model>> model_;  // touched on the runner's thread only
  std::shared_ptr<OnJsThread> on_js_thread_;       // touched there only
  bool closed_ = false;
  TaskRunner runner_;  // last: its end joins the thread that uses the rest
};

}  // namespace cameo::binding
