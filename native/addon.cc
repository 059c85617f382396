#include <napi.h>

#include "binding/pipeline_object.h"
#include "binding/functions.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  cameo::binding::PipelineObject::define(env, exports);
  cameo::binding::defineFunctions(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(cameo, init)
