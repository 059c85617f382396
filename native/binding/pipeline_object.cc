#include "binding/pipeline_object.h"

#include "binding/values.h"
#include "core/config.h"
#include "families/families.h"
#include "pipeline/loras.h"

namespace cameo::binding {

namespace {

ModelState stateOf(const pipeline::Pipeline& pipeline) {
  int64_t bytes = pipeline.bytes();
  for (const auto& copy : pipeline.copies) bytes += copy->bytes();
  return {pipeline.description.dump(), bytes};
}

}  // namespace

void PipelineObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("Pipeline", DefineClass(env, "Pipeline",
                                      {InstanceMethod<&PipelineObject::load>("load"),
                                       InstanceMethod<&PipelineObject::sample>("sample"),
                                       InstanceMethod<&PipelineObject::setLora>("setLora"),
                                       InstanceMethod<&PipelineObject::reconstruct>("reconstruct"),
                                       InstanceMethod<&PipelineObject::describe>("describe"),
                                       InstanceMethod<&PipelineObject::close>("close")}));
}

PipelineObject::PipelineObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PipelineObject>(info), tasks_(info.Env(), "pipeline") {}

Napi::Value PipelineObject::load(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto options = pipeline::LoadOptions::read(Config::options(info[0].ToString()));
    return tasks_.load(Value(), info[1],
                       [options](const pipeline::OnProgress& progress, const Cancellation& cancellation) {
                         auto pipeline = families::loadPipeline(options, progress, cancellation);
                         ModelState state = stateOf(*pipeline);
                         return Loaded<pipeline::Pipeline>{std::move(pipeline), std::move(state)};
                       });
  });
}

Napi::Value PipelineObject::sample(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<pipeline::SampleRequest>(readSampleRequest(info[0].ToObject()));
    return tasks_.start(Value(), info[1],
                        [request](const auto& pipeline, const pipeline::OnProgress& progress,
                                  const Cancellation& cancellation) {
                          request->encodings = pipeline->encodings;
                          return framesValue(pipeline::sample(*pipeline, *request, progress, cancellation));
                        });
  });
}

Napi::Value PipelineObject::setLora(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto loras = pipeline::readLoras(Config::options(info[0].ToString()));
    return tasks_.change(Value(), [loras](pipeline::Pipeline& pipeline, const Cancellation& cancellation) {
      pipeline::changeLoras(pipeline, loras, cancellation);
      return stateOf(pipeline);
    });
  });
}

Napi::Value PipelineObject::reconstruct(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto image = std::make_shared<pipeline::RgbImage>(readImage(info[0].ToObject()));
    return tasks_.start(Value(), {}, [image](const auto& pipeline, const auto&, const auto&) -> MakeValue {
      return
          [shown = pipeline::reconstruct(*pipeline, *image)](Napi::Env env) { return makeImage(env, shown); };
    });
  });
}

Napi::Value PipelineObject::describe(const Napi::CallbackInfo& info) {
  return tasks_.describe(info.Env());
}

Napi::Value PipelineObject::close(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return tasks_.close(Value()); });
}

}  // namespace cameo::binding
