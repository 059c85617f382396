#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/parameters.h"
#include "weights/lora/names.h"

namespace cameo::weights {

/// A network that LoRAs may change.
struct LoraNetwork {
  std::string name;  // "unet", "text_encoder"
  ParameterSet& parameters;
};

/// The matrices and kernels of networks, by the names that files of LoRAs have for them.
class LoraLayers {
 public:
  explicit LoraLayers(const std::vector<LoraNetwork>& networks);

  /// Null where there is no such layer.
  Parameter* find(const LoraName& name) const;
  bool hasNetwork(const std::string& name) const { return networks_.contains(name); }

  /// A parameter's name with its network's before it.
  static std::string fullName(const std::string& network, const Parameter& parameter);

 private:
  struct Network {
    ParameterSet* parameters;
    std::unordered_map<std::string, Parameter*> by_flat_name;  // dots are underscores
  };
  std::unordered_map<std::string, Network> networks_;
};

/// Whether a name without a network to look it up in can be one of a layer here.
bool mayBeLoraLayer(const LoraName& name);

}  // namespace cameo::weights
