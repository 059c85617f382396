#pragma once

#include <napi.h>

namespace cameo::binding {

/// `inspect` and `runtime` of ts/native.ts.
void defineFunctions(Napi::Env env, Napi::Object exports);

}  // namespace cameo::binding
