#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "binding/task_runner.h"
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
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void requireOpen(Napi::Env env) const;

  std::shared_ptr<std::unique_ptr<pipeline::Pipeline>> pipeline_;  // touched on the runner's thread only
  std::string description_;
  bool closed_ = false;
  TaskRunner runner_;  // last: its end joins the thread that uses the rest
};

}  // namespace cameo::binding
