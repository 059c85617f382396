#pragma once

#include "pipeline/request.h"

namespace cameo::pipeline {

/// The options of a request that say how long films are made: its windows, noise and passes.
void readLength(const Config& options, SampleRequest& request);

}  // namespace cameo::pipeline
