#include "binding/trainer_object.h"

#include <nlohmann/json.hpp>

#include "binding/values.h"
#include "core/device.h"

namespace cameo::binding {

namespace {

using train::Trainer;

Loaded<Trainer> loadTrainer(const std::string& recipe, const pipeline::OnProgress& progress,
                            const Cancellation& cancellation) {
  const auto options = train::readTrainerOptions(nlohmann::json::parse(recipe));
  auto trainer = std::make_unique<Trainer>(options, progress, cancellation);
  nlohmann::json description = trainer->pipeline().description;
  description["trainedParameters"] = trainer->trainedParameters();
  description["latentChannels"] = trainer->pipeline().codec().channels();
  description["latentStride"] = trainer->pipeline().codec().stride();
  description["latentTimeStride"] = trainer->pipeline().codec().timeStride();
  const int64_t bytes = trainer->bytes();
  return {std::move(trainer), {description.dump(), bytes}};
}

Napi::Value stepResult(Napi::Env env, const train::StepResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("step", Napi::Number::New(env, static_cast<double>(result.step)));
  object.Set("loss", Napi::Number::New(env, result.loss));
  auto parts = Napi::Object::New(env);
  for (const auto& [name, value] : result.loss_parts) parts.Set(name, Napi::Number::New(env, value));
  object.Set("lossParts", parts);
  object.Set("gradientNorm", Napi::Number::New(env, result.gradient_norm));
  object.Set("learningRate", Napi::Number::New(env, result.learning_rate));
  object.Set("skipped", Napi::Boolean::New(env, result.skipped));
  object.Set("stop", Napi::Boolean::New(env, result.stop));
  return object;
}

}  // namespace

void TrainerObject::define(Napi::Env env, Napi::Object exports) {
  exports.Set("Trainer", DefineClass(env, "Trainer",
                                     {InstanceMethod<&TrainerObject::load>("load"),
                                      InstanceMethod<&TrainerObject::step>("step"),
                                      InstanceMethod<&TrainerObject::save>("save"),
                                      InstanceMethod<&TrainerObject::resume>("resume"),
                                      InstanceMethod<&TrainerObject::beginSolo>("beginSolo"),
                                      InstanceMethod<&TrainerObject::endSolo>("endSolo"),
                                      InstanceMethod<&TrainerObject::sample>("sample"),
                                      InstanceMethod<&TrainerObject::exportWeights>("exportWeights"),
                                      InstanceMethod<&TrainerObject::describe>("describe"),
                                      InstanceMethod<&TrainerObject::close>("close")}));
}

TrainerObject::TrainerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TrainerObject>(info),
      tasks_(info.Env(), "trainer", [](Trainer& trainer) { trainer.leave(); }) {}

Napi::Value TrainerObject::load(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string recipe = info[0].ToString();
    return tasks_.load(Value(), info[1],
                       [recipe](const pipeline::OnProgress& progress, const Cancellation& cancellation) {
                         return loadTrainer(recipe, progress, cancellation);
                       });
  });
}

Napi::Value TrainerObject::step(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto input = std::make_shared<train::StepInput>(readStepInput(info[0].ToObject()));
    return tasks_.start(Value(), {}, [input](const auto& trainer, const auto&, const auto&) -> MakeValue {
      const train::StepResult result = trainer->step(*input);
      return [result](Napi::Env env) { return stepResult(env, result); };
    });
  });
}

Napi::Value TrainerObject::save(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string path = info[0].ToString(), run = info[1].ToString();
    return tasks_.start(Value(), {}, [path, run](const auto& trainer, const auto&, const auto&) {
      trainer->save(path, {{"run", run}});
      return noValue();
    });
  });
}

Napi::Value TrainerObject::resume(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string path = info[0].ToString();
    return tasks_.start(Value(), {}, [path](const auto& trainer, const auto&, const auto&) {
      trainer->resume(path);
      return noValue();
    });
  });
}

Napi::Value TrainerObject::beginSolo(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return tasks_.start(Value(), {}, [](const auto& trainer, const auto&, const auto&) {
      trainer->beginSolo();
      return noValue();
    });
  });
}

Napi::Value TrainerObject::endSolo(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return tasks_.start(Value(), {}, [](const auto& trainer, const auto&, const auto&) {
      trainer->endSolo();
      return noValue();
    });
  });
}

Napi::Value TrainerObject::sample(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    auto request = std::make_shared<pipeline::SampleRequest>(readSampleRequest(info[0].ToObject()));
    return tasks_.start(Value(), info[1],
                        [request](const auto& trainer, const auto& progress, const auto& cancellation) {
                          return framesValue(trainer->sample(*request, progress, cancellation));
                        });
  });
}

Napi::Value TrainerObject::exportWeights(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const std::string path = info[0].ToString(), part = info[1].ToString();
    const at::ScalarType dtype = parseDtype(info[2].ToString(), at::kCPU);
    return tasks_.start(Value(), {},
                        [path, part, dtype](const auto& trainer, const auto&, const auto&) -> MakeValue {
                          const std::string config = trainer->exportWeights(path, part, dtype).dump();
                          return [config](Napi::Env env) { return Napi::String::New(env, config); };
                        });
  });
}

Napi::Value TrainerObject::describe(const Napi::CallbackInfo& info) {
  return tasks_.describe(info.Env());
}

Napi::Value TrainerObject::close(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return tasks_.close(Value()); });
}

}  // namespace cameo::binding
