#pragma once

#include <memory>

#include "core/config.h"
#include "samplers/sampler.h"

namespace cameo::samplers {

// The functions that the table names, each in the file of its sampler. Each reads what it honours of a
// config; of what none asked for, `makeSampler` complains.
#define CAMEO_SAMPLER(name, class_name, make, ...) \
  std::unique_ptr<Sampler> make(const Config& config, int64_t steps);
#include "samplers/table.def"
#undef CAMEO_SAMPLER

}  // namespace cameo::samplers
