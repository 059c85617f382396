#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/parameters.h"
#include "weights/lora/names.h"
#include "weights/names/name_table.h"

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
  /// What the network is called here that a name means; empty where there is none. Those of transformers are
  /// often written as a UNet's.
  std::string networkOf(const LoraName& name) const;

  /// A parameter's name with its network's before it.
  static std::string fullName(const std::string& network, const Parameter& parameter);

 private:
  struct Network {
    ParameterSet* parameters;
    std::unordered_map<std::string, Parameter*> by_flat_name;  // dots are underscores
    NameTable released;                                        // Wan's authors' names; none of others
  };
  std::unordered_map<std::string, Network> networks_;
};

/// Whether a name without a network to look it up in can be one of a layer here.
bool mayBeLoraLayer(const LoraName& name);

}  // namespace cameo::weights
