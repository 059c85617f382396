#pragma once

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
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

/// What the addon's objects have in common: a model that is loaded, worked with and let go on a thread of its
/// own, one task after another.
template <typename Model>
class ModelTasks {
 public:
  using ModelWork = std::function<MakeValue(std::unique_ptr<Model>& model, const pipeline::OnProgress&,
                                            const Cancellation&)>;

  /// `name` is how messages call it: "pipeline".
  ModelTasks(Napi::Env env, std::string name)
      : name_(std::move(name)),
        model_(std::make_shared<std::unique_ptr<Model>>()),
        description_(std::make_shared<std::string>()),
        runner_(env, AddonData::of(env).runners) {}

  /// A task that makes the model; `load` gives it with its description.
  Napi::Value load(const Napi::Object& owner, const Napi::Value& on_progress,
                   std::function<std::pair<std::unique_ptr<Model>, std::string>(const pipeline::OnProgress&,
                                                                                const Cancellation&)>
                       load) {
    const auto work = [load = std::move(load), description = description_](
                          std::unique_ptr<Model>& model, const pipeline::OnProgress& progress,
                          const Cancellation& cancellation) -> MakeValue {
      auto [loaded, text] = load(progress, cancellation);
      model = std::move(loaded);
      return [description, text = std::move(text)](Napi::Env env) {
        *description = text;
        return env.Undefined();
      };
    };
    return startAny(owner, on_progress, work);
  }

  /// A task on the loaded model. Throws ERR_CLOSED, now or as the task's rejection, where there is none.
  Napi::Value start(const Napi::Object& owner, const Napi::Value& on_progress, ModelWork work) {
    return startAny(owner, on_progress,
                    [work = std::move(work), name = name_](std::unique_ptr<Model>& model,
                                                           const pipeline::OnProgress& progress,
                                                           const Cancellation& cancellation) {
                      if (!model) throw Error(ErrorCode::Closed, "this " + name + " has no model loaded");
                      return work(model, progress, cancellation);
                    });
  }

  Napi::Value describe(Napi::Env env) const {
    requireOpen(env);
    return Napi::String::New(env, *description_);
  }

  /// Aborts everything; the memory is back when the promise resolves, and the thread has ended: it and
  /// OpenMP's threads that belong to it keep stacks and buffers, and V8, which doesn't know that, may leave
  /// `owner` for long.
  Napi::Value close(const Napi::Object& owner) {
    closed_ = true;
    runner_.cancelAll();
    const auto work = [this, model = model_](const pipeline::OnProgress&, const Cancellation&) -> MakeValue {
      release(*model);
      // On the JS thread, while `owner`, to whom this belongs, is still kept for the promise.
      return [this](Napi::Env env) {
        runner_.stop();
        return env.Undefined();
      };
    };
    return runner_.start(owner, Napi::Function(), work).Get("promise");
  }

 private:
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

  static void release(std::unique_ptr<Model>& model) {
    model.reset();
    if (at::hasCUDA()) at::accelerator::emptyCache();
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
  }

  std::string name_;
  std::shared_ptr<std::unique_ptr<Model>> model_;  // touched on the runner's thread only
  std::shared_ptr<std::string> description_;       // touched on the JS thread only
  bool closed_ = false;
  TaskRunner runner_;  // last: its end joins the thread that uses the rest
};

}  // namespace cameo::binding
