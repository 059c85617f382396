#pragma once

#include <napi.h>

#include "binding/model_tasks.h"
#include "pipeline/pipeline.h"

namespace cameo::binding {

/// `NativePipeline` of ts/native.ts.
class PipelineObject : public Napi::ObjectWrap<PipelineObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit PipelineObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value sample(const Napi::CallbackInfo& info);
  Napi::Value plan(const Napi::CallbackInfo& info);
  Napi::Value setLora(const Napi::CallbackInfo& info);
  Napi::Value reconstruct(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  ModelTasks<pipeline::Pipeline> tasks_;
};

}  // namespace cameo::binding
