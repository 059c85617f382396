#pragma once

#include <napi.h>

#include <vector>

#include "pipeline/request.h"
#include "train/batch.h"

namespace cameo::binding {

/// `NativeLoadOptions`, `NativeSampleRequest` and `NativeTrainingSample[][]` of ts/native.ts as plain
/// structs. The TypeScript layer has checked every option; here only types are, so that a wrong call throws
/// and does not crash.
pipeline::LoadOptions readLoadOptions(const Napi::Object& options);
pipeline::SampleRequest readSampleRequest(const Napi::Object& request);
std::vector<train::MicroBatch> readMicroBatches(const Napi::Value& batches);

}  // namespace cameo::binding
