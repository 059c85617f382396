#pragma once

#include <napi.h>

#include "pipeline/request.h"

namespace cameo::binding {

/// `NativeLoadOptions` and `NativeSampleRequest` of ts/native.ts as plain structs. The TypeScript layer has
/// checked every option; here only types are, so that a wrong call throws and does not crash.
pipeline::LoadOptions readLoadOptions(const Napi::Object& options);
pipeline::SampleRequest readSampleRequest(const Napi::Object& request);

}  // namespace cameo::binding
