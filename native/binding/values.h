#pragma once

#include <napi.h>

#include <vector>

#include "pipeline/request.h"
#include "train/samples.h"

namespace cameo::binding {

/// `RgbImage`, `NativeSampleRequest` and `NativeStepInput` of ts/native.ts as plain structs. The TypeScript
/// layer has checked every option; here only types are, so that a wrong call throws and does not crash.
pipeline::RgbImage readImage(const Napi::Object& object);
pipeline::SampleRequest readSampleRequest(const Napi::Object& request);
train::StepInput readStepInput(const Napi::Object& input);

}  // namespace cameo::binding
