#include <napi.h>

#include "binding/addon_data.h"
#include "binding/functions.h"
#include "binding/pipeline_object.h"
#include "binding/trainer_object.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new cameo::binding::AddonData(env));
  cameo::binding::PipelineObject::define(env, exports);
  cameo::binding::TrainerObject::define(env, exports);
  cameo::binding::defineFunctions(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(cameo, init)
