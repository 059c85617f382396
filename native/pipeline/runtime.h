#pragma once

#include <nlohmann/json.hpp>

namespace cameo::pipeline {

/// libtorch's version, the threads it uses, the instruction set that it picked and the GPUs that it sees:
/// `RuntimeDescription` of ts/native.ts.
nlohmann::json describeRuntime();

}  // namespace cameo::pipeline
