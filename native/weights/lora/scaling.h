#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weights/module_pattern.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// Where in a safetensors file's metadata diffusers writes it.
inline constexpr const char* kLoraMetadata = "lora_adapter_metadata";

/// How strong the adapters of a file are, as a LoraConfig of PEFT's says: in the file's metadata, where
/// diffusers writes it (`lora_adapter_metadata`), or in the adapter_config.json that PEFT writes beside it.
class LoraScaling {
 public:
  /// Of the adapters of a network ("unet"); none where nothing is said of them. Throws
  /// `ErrorCode::WeightsFormat`, naming the field, for what merging cannot honour, such as use_dora.
  static std::optional<LoraScaling> read(const TensorSource& source, const std::string& network);

  /// What a module's product is multiplied by: alpha / rank, or alpha / sqrt(rank). Throws
  /// `ErrorCode::WeightsFormat` where the metadata say another rank than the tensors have.
  double scaleOf(const std::string& module, int64_t rank) const;

 private:
  using Patterns = std::vector<std::pair<ModulePattern, double>>;

  std::string path_;
  std::string place_;  // "its lora_adapter_metadata"
  double alpha_ = 8;   // PEFT's default
  std::optional<double> rank_;
  Patterns alphas_;
  Patterns ranks_;
  bool by_root_ = false;
};

}  // namespace cameo::weights
