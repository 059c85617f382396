#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "families/stable_diffusion/stable_diffusion.h"
#include "train/objective.h"

namespace cameo::train {

/// The objective of a complete recipe's `kind`. Throws `ErrorCode::InvalidOption` for one that is not known.
std::unique_ptr<Objective> makeObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline);

}  // namespace cameo::train
