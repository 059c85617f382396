#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "samplers/sampler.h"

namespace cameo::samplers {

/// The sampler that a diffusers scheduler_config.json names by `_class_name`; empty for a class that is none
/// of ours.
std::string samplerNameOf(const nlohmann::json& config);

/// A request's option that stands for fields of a scheduler config.
struct SamplerOption {
  std::string name;  // in messages
  nlohmann::json fields;
};

/// What a request says of its sampler.
struct SamplerChoice {
  /// A name; or a scheduler_config.json's contents, which stand in place of the model's; or null: the model's
  /// own, where it is one of ours, else DDIM.
  nlohmann::json scheduler = nullptr;
  std::vector<SamplerOption> options = {};  // laid over it
};

/// `model_config` is the model's own scheduler config, whose noise schedule a named sampler goes by. Throws
/// `ErrorCode::InvalidOption` for an unknown name, more steps than were trained, and a field that is not
/// honoured: none of a config that is given, or that belongs to the sampler of the model's own choice, is
/// passed over. Messages call the model's config `model_config_name`.
std::unique_ptr<Sampler> makeSampler(const SamplerChoice& choice, const nlohmann::json& model_config,
                                     int64_t steps, const std::string& model_config_name = "scheduler");

}  // namespace cameo::samplers
