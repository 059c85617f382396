#pragma once

#include <vector>

#include "pipeline/pipeline.h"

namespace cameo {
class Config;
}

namespace cameo::pipeline {

/// The LoRAs of an option `lora`: [{path, scale, blocks}].
std::vector<weights::LoraChoice> readLoras(const Config& options);

/// What the LoRAs add to the pipeline's networks, whose weights need not be loaded yet. Throws as
/// `weights::LoraPlan::make`, and `ErrorCode::InvalidOption` where the pipeline takes none.
weights::LoraPlan planLoras(const Pipeline& pipeline, const std::vector<weights::LoraChoice>& loras);

/// Puts the LoRAs in the place of those that are on; where it throws, nothing has changed. Throws as
/// `weights::LoraStack::apply`.
void setLoras(Pipeline& pipeline, const weights::LoraPlan& plan, const Cancellation& cancellation);

/// The same for the pipeline and its copies: all is planned before anything changes.
void changeLoras(Pipeline& pipeline, const std::vector<weights::LoraChoice>& loras,
                 const Cancellation& cancellation);

}  // namespace cameo::pipeline
