#include "binding/functions.h"

#include <nlohmann/json.hpp>

#include "binding/addon_data.h"
#include "binding/model_tasks.h"
#include "families/inspect.h"
#include "pipeline/runtime.h"
#include "weights/convert/convert.h"

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

/// `convert(options, onProgress)`: a task whose value is JSON.
Napi::Value convert(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&] {
    const Config options = Config::options(info[0].ToString());
    const weights::Conversion conversion{.input = options.text("input"),
                                         .output = options.text("output"),
                                         .target = options.text("target", "")};
    const auto work = [conversion](const pipeline::OnProgress& onProgress,
                                   const Cancellation& cancellation) -> MakeValue {
      const auto onTensor = [&](int64_t done, int64_t total) {
        onProgress({pipeline::Phase::Load, done, total, {}});
      };
      return jsonText(weights::convert(conversion, onTensor, cancellation));
    };
    return AddonData::of(env).runner.start(Napi::Object::New(env), info[1].As<Napi::Function>(), work);
  });
}

Napi::Value runtime(const Napi::CallbackInfo& info) {
  return startJson(info.Env(), [] { return pipeline::describeRuntime(); });
}

}  // namespace

void defineFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("inspect", Napi::Function::New<inspect>(env, "inspect"));
  exports.Set("convert", Napi::Function::New<convert>(env, "convert"));
  exports.Set("runtime", Napi::Function::New<runtime>(env, "runtime"));
}

}  // namespace cameo::binding
