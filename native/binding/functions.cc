#include "binding/functions.h"

#include <nlohmann/json.hpp>

#include "binding/addon_data.h"
#include "binding/model_tasks.h"
#include "families/inspect.h"
#include "pipeline/runtime.h"

namespace cameo::binding {

namespace {

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
  return guarded(env, [&] {
    return AddonData::of(env).runner.start(Napi::Object::New(env), Napi::Function(), work).Get("promise");
  });
}

Napi::Value inspect(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString();
  return startJson(info.Env(), [path] { return families::inspect(path); });
}

Napi::Value runtime(const Napi::CallbackInfo& info) {
  return startJson(info.Env(), [] { return pipeline::describeRuntime(); });
}

}  // namespace

void defineFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("inspect", Napi::Function::New<inspect>(env, "inspect"));
  exports.Set("runtime", Napi::Function::New<runtime>(env, "runtime"));
}

}  // namespace cameo::binding
