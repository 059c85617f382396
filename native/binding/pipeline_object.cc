#include "binding/pipeline_object.h"

#include <cmath>

#include "binding/values.h"
#include "core/config.h"
#include "families/families.h"
#include "pipeline/loras.h"
#include "pipeline/memory_plan.h"

namespace cameo::binding {

namespace {

ModelState stateOf(const pipeline::Pipeline& pipeline) {
  int64_t bytes = pipeline.bytes();
  for (const auto& copy : pipeline.copies) bytes += copy->bytes();
  return {pipeline.description.dump(), bytes};
}

/// `MemoryPlan` of ts/memory_plan.ts.
std::string jsonOf(const pipeline::MemoryPlan& plan) {
  const nlohmann::json json{
      {"total", std::llround(plan.total())},     {"weights", std::llround(plan.weights)},
      {"denoiser", std::llround(plan.denoiser)}, {"decoder", std::llround(plan.codec)},
      {"branchesApart", plan.branches_apart},    {"vaeTiling", plan.tiled},
  };
  return json.dump();
}

}  // namespace

void PipelineObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("Pipeline", DefineClass(env, "Pipeline",
                                      {InstanceMethod<&PipelineObject::load>("load"),
                                       InstanceMethod<&PipelineObject::sample>("sample"),
                                       InstanceMethod<&PipelineObject::plan>("plan"),
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

Napi::Value PipelineObject::plan(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto request = std::make_shared<pipeline::SampleRequest>(readSampleRequest(info[0].ToObject()));
    const Config options = Config::options(info[1].ToString());
    pipeline::MemoryPlace place{.is_cpu = options.text("device") == "cpu", .allowed = {}};
    if (options.has("maxMemory")) place.allowed = options.integer("maxMemory");
    return tasks_.start(
        Value(), {}, [request, place](const auto& pipeline, const auto&, const auto&) -> MakeValue {
          const auto plan = pipeline::planOf(*pipeline, *request, place);
          return [text = jsonOf(plan)](Napi::Env env) { return Napi::String::New(env, text); };
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
