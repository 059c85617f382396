#pragma once

#include <napi.h>

#include "binding/model_tasks.h"
#include "train/trainer.h"

namespace cameo::binding {

/// `NativeTrainer` of ts/native.ts.
class TrainerObject : public Napi::ObjectWrap<TrainerObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit TrainerObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  Napi::Value step(const Napi::CallbackInfo& info);
  Napi::Value save(const Napi::CallbackInfo& info);
  Napi::Value resume(const Napi::CallbackInfo& info);
  Napi::Value beginSolo(const Napi::CallbackInfo& info);
  Napi::Value endSolo(const Napi::CallbackInfo& info);
  Napi::Value sample(const Napi::CallbackInfo& info);
  Napi::Value exportWeights(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  ModelTasks<train::Trainer> tasks_;
};

}  // namespace cameo::binding
