#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "samplers/sampler.h"

namespace cameo::samplers {

/// The names that a request may give.
std::vector<std::string> samplerNames();

/// The sampler that a diffusers scheduler_config.json names by `_class_name`; empty for a class that is none
/// of ours.
std::string samplerNameOf(const nlohmann::json& config);

/// What a request says of its sampler.
struct SamplerChoice {
  /// A name, or a scheduler_config.json's contents, which stand in place of the model's.
  nlohmann::json scheduler = "ddim";
  /// Fields of such a config that are laid over it.
  nlohmann::json overrides = nlohmann::json::object();
};

/// `model_config` is the model's own scheduler config, whose noise schedule a named sampler goes by. Throws
/// `ErrorCode::InvalidOption` for an unknown name, more steps than were trained, and a field that is not
/// honoured: none of a config that is given, or that belongs to the sampler of the model's own choice, is
/// passed over.
std::unique_ptr<Sampler> makeSampler(const SamplerChoice& choice, const nlohmann::json& model_config,
                                     int64_t steps);

}  // namespace cameo::samplers
