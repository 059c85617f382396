#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "pipeline/pipeline.h"
#include "train/objective.h"

namespace cameo::train {

/// The objective of a complete recipe's `kind`. Throws `ErrorCode::InvalidOption` for one that is not known,
/// or learns on other models than this one.
std::unique_ptr<Objective> makeObjective(const nlohmann::json& recipe, pipeline::Pipeline& pipeline);

}  // namespace cameo::train
