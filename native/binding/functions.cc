#include "binding/functions.h"

#include <nlohmann/json.hpp>

#include "binding/task_runner.h"
#include "pipeline/runtime.h"
#include "weights/inspect.h"

namespace cameo::binding {

namespace {

/// What one context (the main thread, a worker) has of its own.
struct AddonData {
  explicit AddonData(Napi::Env env) : runner(env) {}
  TaskRunner runner;
};

MakeValue jsonText(const nlohmann::json& json) {
  // Names in a weight file need not be UTF-8.
  return [text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)](Napi::Env env) {
    return Napi::String::New(env, text);
  };
}

Napi::Value startJson(Napi::Env env, std::function<nlohmann::json()> make) {
  const auto work = [make = std::move(make)](const pipeline::OnProgress&, const Cancellation&) -> MakeValue {
    return jsonText(make());
  };
  return env.GetInstanceData<AddonData>()
      ->runner.start(Napi::Object::New(env), Napi::Function(), work)
      .Get("promise");
}

Napi::Value inspect(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString();
  return startJson(info.Env(), [path] { return weights::inspect(path); });
}

Napi::Value runtime(const Napi::CallbackInfo& info) {
  return startJson(info.Env(), [] { return pipeline::describeRuntime(); });
}

}  // namespace

void defineFunctions(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData(env));
  exports.Set("inspect", Napi::Function::New<inspect>(env, "inspect"));
  exports.Set("runtime", Napi::Function::New<runtime>(env, "runtime"));
}

}  // namespace cameo::binding
