#include "binding/pipeline_object.h"

#include <ATen/DeviceAccelerator.h>

#include <cstring>
#include <utility>

#include "binding/addon_data.h"
#include "binding/values.h"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace cameo::binding {

namespace {

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

Napi::Function progressCallback(const Napi::CallbackInfo& info, size_t index) {
  return info[index].IsFunction() ? info[index].As<Napi::Function>() : Napi::Function();
}

void releaseMemory(std::unique_ptr<pipeline::Pipeline>& pipeline) {
  const bool cuda = pipeline && pipeline->device.is_cuda();
  pipeline.reset();
  if (cuda) at::accelerator::emptyCache();
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace

void PipelineObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("Pipeline", DefineClass(env, "Pipeline",
                                      {InstanceMethod<&PipelineObject::load>("load"),
                                       InstanceMethod<&PipelineObject::sample>("sample"),
                                       InstanceMethod<&PipelineObject::describe>("describe"),
                                       InstanceMethod<&PipelineObject::close>("close")}));
}

PipelineObject::PipelineObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PipelineObject>(info),
      pipeline_(std::make_shared<std::unique_ptr<pipeline::Pipeline>>()),
      runner_(info.Env(), AddonData::of(info.Env()).runners) {}

void PipelineObject::requireOpen(Napi::Env env) const {
  if (closed_) throw makeError(env, Error(ErrorCode::Closed, "this pipeline was closed; load it again"));
}

Napi::Value PipelineObject::load(const Napi::CallbackInfo& info) {
  requireOpen(info.Env());
  return guarded(info.Env(), [&]() -> Napi::Value {
    const pipeline::LoadOptions options = readLoadOptions(info[0].ToObject());
    return runner_.start(
        Value(), progressCallback(info, 1),
        [this, pipeline = pipeline_, options](const pipeline::OnProgress& progress,
                                              const Cancellation& cancellation) -> MakeValue {
          *pipeline = pipeline::loadPipeline(options, progress, cancellation);
          return [this, text = (*pipeline)->description.dump()](Napi::Env env) {
            description_ = text;
            return env.Undefined();
          };
        });
  });
}

Napi::Value PipelineObject::sample(const Napi::CallbackInfo& info) {
  requireOpen(info.Env());
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<pipeline::SampleRequest>(readSampleRequest(info[0].ToObject()));
    return runner_.start(Value(), progressCallback(info, 1),
                         [pipeline = pipeline_, request](const pipeline::OnProgress& progress,
                                                         const Cancellation& cancellation) -> MakeValue {
                           if (!*pipeline)
                             throw Error(ErrorCode::Closed, "this pipeline has no model loaded");
                           auto frames = std::make_shared<pipeline::Frames>(
                               pipeline::sample(**pipeline, *request, progress, cancellation));
                           return [frames](Napi::Env env) {
                             auto array = Napi::Uint8Array::New(env, frames->size());
                             std::memcpy(array.Data(), frames->data(), frames->size());
                             return array;
                           };
                         });
  });
}

Napi::Value PipelineObject::describe(const Napi::CallbackInfo& info) {
  requireOpen(info.Env());
  return Napi::String::New(info.Env(), description_);
}

Napi::Value PipelineObject::close(const Napi::CallbackInfo&) {
  closed_ = true;
  runner_.cancelAll();
  const Napi::Object task =
      runner_.start(Value(), Napi::Function(),
                    [pipeline = pipeline_](const pipeline::OnProgress&, const Cancellation&) -> MakeValue {
                      releaseMemory(*pipeline);
                      return [](Napi::Env env) { return env.Undefined(); };
                    });
  return task.Get("promise");
}

}  // namespace cameo::binding
