#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/parameters.h"
#include "weights/subject.h"

namespace cameo::train {

using NamedTensor = std::pair<std::string, at::Tensor>;

/// A file of the trained model.
struct Export {
  std::string part;                                   // what `exportWeights` of ts/native.ts calls it
  std::function<std::vector<NamedTensor>()> tensors;  // of the networks as they are when it is called
  weights::SubjectMetadata metadata = {};
  std::map<std::string, std::string> fields = {};    // of the file's metadata, beside these
  nlohmann::json config = nlohmann::json::object();  // what training changed in its network's config.json
};

using IsWanted = std::function<bool(const Parameter&)>;

/// A network's parameters with what adapters add to them: those that are wanted, all by default.
std::vector<NamedTensor> mergedWeights(const ParameterSet& parameters, const IsWanted& isWanted = {});

/// The adapters of the network called `network` as PEFT applies them when told nothing else: with their scale
/// within `lora_B`.
std::vector<NamedTensor> adapterFactors(const std::string& network, const ParameterSet& parameters);

/// What comes of a film model's network: the part "lora", its adapters, where it has any, else the whole of
/// it by its own name.
std::vector<Export> denoiserExports(const std::string& network, const ParameterSet& parameters);

}  // namespace cameo::train
